using Stockflow.Avro;
using Stockflow.Model;
using Stockflow.Telemetry;

namespace Stockflow.Decode;

/// <summary>What the readers of reference data ask a schema source.</summary>
internal static class SchemaSources
{
    /// <summary>The schema, or null where the source has none under this id; a source that does not answer is waited for.</summary>
    public static async ValueTask<AvroSchema?> WaitForAsync(this ISchemaSource schemas, int id, TimeProvider time, ILogger logger, CancellationToken token)
    {
        while (true)
        {
            try
            {
                return await schemas.GetByIdAsync(id, token);
            }
            catch (StoreUnavailableException e)
            {
                logger.ReferenceWaits(e.Message);
                await Task.Delay(TimeSpan.FromSeconds(1), time, token);
            }
        }
    }
}
