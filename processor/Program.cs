using System.CommandLine;
using Stockflow.Commands;

var parsed = new RootCommand("Stockflow: one live inventory fact.")
{
    RunCommand.Create(),
    KafkaCommand.Create(),
    ClickHouseCommand.Create(),
    RegistryCommand.Create(),
    SchemasCommand.Create(),
}.Parse(args);
var code = await parsed.InvokeAsync();
return parsed.Action is System.CommandLine.Invocation.ParseErrorAction ? ExitCode.Usage : code;
