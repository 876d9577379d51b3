"""train(TrainConfig) -> a run folder with its bundle."""
