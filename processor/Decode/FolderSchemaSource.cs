using Stockflow.Avro;
using Stockflow.Model;

namespace Stockflow.Decode;

/// <summary>Schemas of a folder with the ids of <see cref="SchemaCatalog"/>, for use without a registry. Nothing can be added.</summary>
public sealed class FolderSchemaSource : ISchemaSource
{
    private readonly Dictionary<int, RegisteredSchema> byId = [];

    /// <exception cref="SetupException">The folder or a file in it can not be used.</exception>
    public FolderSchemaSource(string folder)
    {
        foreach (var entry in SchemaCatalog.Load(folder))
        {
            try
            {
                byId[entry.Id] = new RegisteredSchema(entry.Subject, 1, entry.Id, AvroSchema.Parse(entry.Text));
            }
            catch (AvroSchemaException e)
            {
                throw new SetupException($"'{entry.Path}': {e.Message}", e);
            }
        }
    }

    public ValueTask<AvroSchema?> GetByIdAsync(int id, CancellationToken token) =>
        ValueTask.FromResult(byId.GetValueOrDefault(id)?.Schema);

    public async Task<int> RegisterAsync(string subject, AvroSchema schema, CancellationToken token)
    {
        var latest = await GetLatestAsync(subject, token).ConfigureAwait(false)
            ?? throw new SetupException($"the schema folder has no subject '{subject}'; add its .avsc file");
        return latest.Schema.ToJson() == schema.ToJson()
            ? latest.Id
            : throw new SetupException($"the schema folder has another schema for '{subject}'; change its .avsc file");
    }

    public Task<RegisteredSchema?> GetLatestAsync(string subject, CancellationToken token) =>
        Task.FromResult(byId.Values.FirstOrDefault(schema => schema.Subject == subject));

    public Task<IReadOnlyList<RegisteredSchema>> GetVersionsAsync(string subject, CancellationToken token) =>
        Task.FromResult<IReadOnlyList<RegisteredSchema>>([.. byId.Values.Where(schema => schema.Subject == subject)]);
}
