namespace Stockflow.Avro;

/// <summary>A schema, a value or a file that does not follow the Avro specification, in one sentence.</summary>
public class AvroException : Exception
{
    /// <summary>Creates the exception with its one-line message.</summary>
    public AvroException(string message)
        : base(message)
    {
    }

    /// <summary>Creates the exception with its one-line message and what led to it.</summary>
    public AvroException(string message, Exception inner)
        : base(message, inner)
    {
    }
}

/// <summary>A schema that can not be used; <see cref="Path"/> is the place in its JSON text.</summary>
public sealed class AvroSchemaException : AvroException
{
    /// <summary>Creates the exception for a place in a schema.</summary>
    public AvroSchemaException(string path, string reason)
        : base($"Avro schema at {path}: {reason}")
    {
        Path = path;
    }

    /// <summary>Where, as a JSON path such as <c>$.fields[3].type</c>.</summary>
    public string Path { get; }
}

/// <summary>Bytes that are not what the writer's schema says, or a value that does not fit its schema.</summary>
public sealed class AvroDataException : AvroException
{
    /// <summary>Creates the exception for data at a byte position (-1 where there is none).</summary>
    public AvroDataException(AvroErrorCode code, int position, string message)
        : base(message)
    {
        Code = code;
        Position = position;
    }

    /// <summary>What is wrong.</summary>
    public AvroErrorCode Code { get; }

    /// <summary>The byte position within the input, or -1.</summary>
    public int Position { get; }
}
