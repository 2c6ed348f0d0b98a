using Stockflow.Simulation;

return SimulationCommand.Run(args);
