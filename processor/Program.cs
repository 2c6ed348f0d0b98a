using System.CommandLine;
using Stockflow.Commands;

return await new RootCommand("Stockflow: one live inventory fact.")
{
    KafkaCommand.Create(),
    ClickHouseCommand.Create(),
}.Parse(args).InvokeAsync();
