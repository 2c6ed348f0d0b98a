using System.CommandLine;

return await new RootCommand("Stockflow: one live inventory fact.").Parse(args).InvokeAsync();
