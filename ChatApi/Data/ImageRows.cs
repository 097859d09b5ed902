namespace Lyceum.ChatApi.Data;

/// <summary>An image that a person has uploaded for a question: encoded anew, without metadata.</summary>
public sealed class ImageRow
{
    public Guid Id { get; init; }
    public required string Tenant { get; init; }

    /// <summary>Whose it is: the <c>sub</c>.</summary>
    public required string Person { get; init; }

    public required string Type { get; init; }
    public int Width { get; init; }
    public int Height { get; init; }

    /// <summary>Length of <see cref="Data"/>.</summary>
    public int Bytes { get; init; }

    public required byte[] Data { get; init; }
    public DateTimeOffset CreatedAt { get; init; }

    /// <summary>
    /// When a question was first asked with it; null: none was, and it goes after a day. Of one that was used the database itself
    /// deletes the row with the last message that has it (trigger <c>drop_unused_image</c>).
    /// </summary>
    public DateTimeOffset? UsedAt { get; set; }
}

/// <summary>An image of a question.</summary>
public sealed class MessageImage
{
    public Guid MessageId { get; init; }

    /// <summary>Its place, from 1.</summary>
    public int Number { get; init; }

    public Guid ImageId { get; init; }
}

/// <summary>An image as its person sees it named.</summary>
/// <param name="Type">Its media type.</param>
public sealed record ImageView(Guid Id, int Width, int Height, int Bytes, string Type);
