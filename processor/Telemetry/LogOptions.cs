using Microsoft.Extensions.Logging.Console;
using Stockflow.Model;

namespace Stockflow.Telemetry;

/// <summary>How the process logs. Logs go to standard error; standard output belongs to a command's result.</summary>
/// <param name="Format"><c>text</c> for people, one line an event, or <c>json</c> for collectors.</param>
/// <param name="Level">Lowest level that is written.</param>
public sealed record LogOptions(string Format = "text", LogLevel Level = LogLevel.Information)
{
    private const string TimestampFormat = "yyyy-MM-dd'T'HH:mm:ss.fff'Z' ";

    public void Validate()
    {
        if (Format is not ("text" or "json"))
        {
            throw new SetupException($"log.format is '{Format}'; it must be text or json");
        }
    }

    /// <summary>Adds the console to a host's or a factory's logging.</summary>
    public void Apply(ILoggingBuilder logging)
    {
        Validate();
        logging.ClearProviders();
        logging.SetMinimumLevel(Level);
        // The web server's own chatter about requests and addresses; our events tell the same.
        logging.AddFilter("Microsoft", LogLevel.Warning);
        logging.AddFilter("System", LogLevel.Warning);
        logging.Services.Configure<ConsoleLoggerOptions>(console => console.LogToStandardErrorThreshold = LogLevel.Trace);
        if (Format == "json")
        {
            logging.AddJsonConsole(console =>
            {
                console.UseUtcTimestamp = true;
                console.TimestampFormat = TimestampFormat.TrimEnd();
            });
        }
        else
        {
            logging.AddSimpleConsole(console =>
            {
                console.SingleLine = true;
                console.UseUtcTimestamp = true;
                console.TimestampFormat = TimestampFormat;
            });
        }
    }

    /// <summary>A factory for commands without a host.</summary>
    public ILoggerFactory CreateFactory() => LoggerFactory.Create(Apply);
}
