using Google.Protobuf.Reflection;

namespace Pandora.Core.Rpc;

/// <summary>What the descriptors of proto files name.</summary>
internal static class DescriptorSymbols
{
    /// <summary>The file itself, then everything it imports, directly or not, each once.</summary>
    public static IReadOnlyList<FileDescriptor> WithImports(FileDescriptor file)
    {
        var found = new List<FileDescriptor> { file };
        for (var i = 0; i < found.Count; i++)
        {
            found.AddRange(found[i].Dependencies.Except(found).ToList());
        }
        return found;
    }

    /// <summary>Full names of all services, methods, messages, fields, enums and enum values of a file.</summary>
    public static IEnumerable<string> Of(FileDescriptor file)
    {
        var messages = Messages(file.MessageTypes).ToList();
        var enums = file.EnumTypes.Concat(messages.SelectMany(message => message.EnumTypes)).ToList();
        return
        [
            .. file.Services.Select(service => service.FullName),
            .. file.Services.SelectMany(service => service.Methods).Select(method => method.FullName),
            .. messages.Select(message => message.FullName),
            .. messages.SelectMany(message => message.Fields.InDeclarationOrder()).Select(field => field.FullName),
            .. messages.SelectMany(message => message.Oneofs).Select(oneof => oneof.FullName),
            .. enums.Select(type => type.FullName),
            // A value is named in the scope of its type, beside it and not below.
            .. enums.SelectMany(type => type.Values.Select(value => type.FullName[..^type.Name.Length] + value.Name)),
        ];
    }

    /// <summary>The messages and the ones nested in them, at any depth.</summary>
    public static IEnumerable<MessageDescriptor> Messages(IEnumerable<MessageDescriptor> messages) =>
        messages.SelectMany(message => Messages(message.NestedTypes).Prepend(message));
}
