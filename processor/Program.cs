using System.CommandLine;
using Stockflow.Commands;

return await new RootCommand("Stockflow: one live inventory fact.")
{
    KafkaCommand.Create(),
}.Parse(args).InvokeAsync();
