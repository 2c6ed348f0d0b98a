using System.Net;
using System.Net.Sockets;
using System.Threading.RateLimiting;

namespace Stockflow.Serve;

/// <summary>
/// Bounds what callers may ask: requests a second for each key, or for each address of a request without a key, and requests at once for
/// all together. Addresses share a fixed number of allowances by their hash, so that making up addresses costs no memory; two of them may
/// share one. What probes and scrapers ask is always let in.
/// </summary>
internal sealed class Admission : IDisposable
{
    private const int AddressAllowances = 4096;

    private readonly PartitionedRateLimiter<string>? rate;
    private readonly ConcurrencyLimiter? concurrent;

    public Admission(HttpOptions options)
    {
        var burst = options.RequestBurst > 0 ? options.RequestBurst : options.RequestsPerSecond;
        rate = options.RequestsPerSecond == 0 ? null : PartitionedRateLimiter.Create<string, string>(name => RateLimitPartition.GetTokenBucketLimiter(name, _ => new()
        {
            TokenLimit = burst,
            TokensPerPeriod = options.RequestsPerSecond,
            ReplenishmentPeriod = TimeSpan.FromSeconds(1),
        }), StringComparer.Ordinal);
        concurrent = options.ConcurrentRequests == 0 ? null : new ConcurrencyLimiter(new ConcurrencyLimiterOptions { PermitLimit = options.ConcurrentRequests });
    }

    /// <summary>Asks for one request; dispose the answer when the request has ended.</summary>
    /// <param name="context">The request.</param>
    /// <param name="name">Name of its key; null where it has none.</param>
    public Entry Enter(HttpContext context, string? name)
    {
        if (IsExempt(context.Request.Path))
        {
            return new Entry(true, null, 0);
        }

        if (rate is not null)
        {
            using var token = rate.AttemptAcquire(name ?? AllowanceOf(context.Connection.RemoteIpAddress));
            if (!token.IsAcquired)
            {
                return new Entry(false, null, token.TryGetMetadata(MetadataName.RetryAfter, out var wait) ? Math.Max(1, (int)Math.Ceiling(wait.TotalSeconds)) : 1);
            }
        }

        var place = concurrent?.AttemptAcquire();
        return new Entry(place is null or { IsAcquired: true }, place, 1);
    }

    public void Dispose()
    {
        rate?.Dispose();
        concurrent?.Dispose();
    }

    /// <summary>The allowance of an address. One subscriber of IPv6 has a whole /64. The blank keeps it apart from names of keys.</summary>
    internal static string AllowanceOf(IPAddress? address)
    {
        if (address is null)
        {
            return " none";
        }

        var bytes = (address.IsIPv4MappedToIPv6 ? address.MapToIPv4() : address).GetAddressBytes();
        var hash = new HashCode();
        hash.AddBytes(bytes.AsSpan(0, address.AddressFamily == AddressFamily.InterNetworkV6 && bytes.Length == 16 ? 8 : bytes.Length));
        return FormattableString.Invariant($" {(uint)hash.ToHashCode() % AddressAllowances}");
    }

    private static bool IsExempt(PathString path) =>
        path.Equals("/healthz", StringComparison.OrdinalIgnoreCase) || path.Equals("/readyz", StringComparison.OrdinalIgnoreCase)
        || path.Equals("/metrics", StringComparison.OrdinalIgnoreCase);

    /// <summary>Whether a request may go on.</summary>
    /// <param name="IsAdmitted">False: it is refused.</param>
    /// <param name="Place">Its place among the requests at once.</param>
    /// <param name="RetryAfterSeconds">When a refused caller may ask again.</param>
    public readonly record struct Entry(bool IsAdmitted, RateLimitLease? Place, int RetryAfterSeconds) : IDisposable
    {
        public void Dispose() => Place?.Dispose();
    }
}
