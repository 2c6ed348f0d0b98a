using System.CommandLine;
using Stockflow.Commands;
using Stockflow.Embedded;

ParentWatch.StartIfAsked();
var parsed = new RootCommand("Stockflow: one live inventory fact.")
{
    RunCommand.Create(),
    RebuildCommand.Create(),
    ReconcileCommand.Create(),
    ReplayCommand.Create(),
    MigrateCommand.Create(),
    CloseCommand.Create(),
    CloseCommand.CreatePeriod(),
    KafkaCommand.Create(),
    ClickHouseCommand.Create(),
    RegistryCommand.Create(),
    SchemasCommand.Create(),
    ProduceCommand.Create(),
    QueryCommand.Create(),
    LineageCommand.Create(),
    QualityCommand.Create(),
    DlqCommand.Create(),
    DemoCommand.Create(),
    ImportCommand.Create(),
    CapacityCommand.Create(),
}.Parse(args);
// Long enough for every command's own bound on finishing what is in flight after SIGTERM.
var code = await parsed.InvokeAsync(new InvocationConfiguration { ProcessTerminationTimeout = TimeSpan.FromMinutes(2) });
return parsed.Action is System.CommandLine.Invocation.ParseErrorAction ? ExitCode.Usage : code;
