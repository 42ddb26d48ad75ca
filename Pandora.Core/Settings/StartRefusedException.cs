namespace Pandora.Core.Settings;

/// <summary>
/// The process cannot start, and its operator can mend that. Ends the process with exit code 1 and the message as its
/// one line on standard error; the message never holds a secret.
/// </summary>
internal sealed class StartRefusedException(string message) : Exception(message.ReplaceLineEndings(" ").Trim());
