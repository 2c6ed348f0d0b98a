using OpenTelemetry;
using OpenTelemetry.Exporter;
using OpenTelemetry.Resources;
using OpenTelemetry.Trace;
using Stockflow.Model;

namespace Stockflow.Telemetry;

/// <summary>Where traces go, by OTLP (OpenTelemetry protocol), and how many there are.</summary>
/// <param name="Endpoint">Collector, such as http://collector:4317; empty for no traces. With http/protobuf the path belongs to it: http://collector:4318/v1/traces.</param>
/// <param name="Protocol"><c>grpc</c> or <c>http/protobuf</c>.</param>
/// <param name="HeadersFile">File with name=value headers for the collector, comma-separated; for its key.</param>
/// <param name="SampleRatio">Share of traces that begin here and are kept, 0 to 1. What a caller or a producer has sampled is kept.</param>
/// <param name="MaximumPerSecond">Events that are followed through the lanes in a second at most; producers decide on sampling, not on our load.</param>
public sealed record TraceOptions(
    string Endpoint = "", string Protocol = "grpc", string? HeadersFile = null, double SampleRatio = 0.001, int MaximumPerSecond = 100)
{
    public void Validate()
    {
        if (Endpoint.Length > 0)
        {
            SetupException.ThrowIf(!Uri.TryCreate(Endpoint, UriKind.Absolute, out var uri) || uri.Scheme is not ("http" or "https"), $"traces.endpoint is '{Endpoint}'; it must be an http or https address.");
        }

        SetupException.ThrowIf(Protocol is not ("grpc" or "http/protobuf"), $"traces.protocol is '{Protocol}'; it must be grpc or http/protobuf.");
        SetupException.ThrowIf(SampleRatio is not (>= 0 and <= 1), "traces.sampleRatio must be from 0 to 1.");
        SetupException.ThrowIf(MaximumPerSecond is < 1 or > 10_000, "traces.maximumPerSecond must be from 1 to 10000.");
        SetupException.ThrowIf(HeadersFile is not null && !File.Exists(HeadersFile), $"traces.headersFile: there is no file {HeadersFile}.");
    }

    /// <summary>Sends traces until it is disposed; null where they are switched off.</summary>
    public IDisposable? Start()
    {
        if (Endpoint.Length == 0)
        {
            return null;
        }

        Traces.MaximumPerSecond = MaximumPerSecond;
        return Sdk.CreateTracerProviderBuilder()
            .ConfigureResource(resource => resource.AddService("stockflow", serviceVersion: Metrics.Version, serviceInstanceId: $"{Environment.MachineName}:{Environment.ProcessId}"))
            .SetSampler(new ParentBasedSampler(new TraceIdRatioBasedSampler(SampleRatio)))
            .AddSource(Traces.SourceName, "Microsoft.AspNetCore")
            .AddOtlpExporter(exporter =>
            {
                exporter.Endpoint = new Uri(Endpoint);
                exporter.Protocol = Protocol == "grpc" ? OtlpExportProtocol.Grpc : OtlpExportProtocol.HttpProtobuf;
                exporter.Headers = HeadersFile is { } file ? File.ReadAllText(file).Trim() : null;
            })
            .Build();
    }
}
