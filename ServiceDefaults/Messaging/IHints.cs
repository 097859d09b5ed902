namespace Lyceum.ServiceDefaults.Messaging;

/// <summary>
/// Publishes messages that make things fast, never correct (rule 2). Returns at once, whatever the broker does: the
/// message goes to a bounded queue whose oldest entry makes room when it is full.
/// </summary>
public interface IHints
{
    void Publish<T>(T message) where T : class;
}
