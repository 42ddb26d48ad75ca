using System.Text;

namespace Pandora.Benchmarks.Report;

/// <summary>A table that reads well in a terminal, and is one in a document.</summary>
internal static class MarkdownTable
{
    /// <param name="firstNumber">From this column on cells are set to the right.</param>
    public static string Of(IReadOnlyList<string> head, IReadOnlyList<IReadOnlyList<string>> rows, int firstNumber)
    {
        var widths = head.Select((cell, column) => rows.Select(row => row[column].Length).Append(cell.Length).Max()).ToArray();
        var text = new StringBuilder();
        Line(head);
        text.Append('|');
        for (var column = 0; column < widths.Length; column++)
        {
            text.Append('-', widths[column] + 1).Append(column < firstNumber ? '-' : ':').Append('|');
        }
        text.Append('\n');
        foreach (var row in rows)
        {
            Line(row);
        }
        return text.ToString();

        void Line(IReadOnlyList<string> cells)
        {
            for (var column = 0; column < cells.Count; column++)
            {
                var cell = cells[column];
                text.Append("| ")
                    .Append(column < firstNumber ? cell.PadRight(widths[column]) : cell.PadLeft(widths[column]))
                    .Append(' ');
            }
            text.Append("|\n");
        }
    }
}
