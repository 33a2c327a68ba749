"""What a search costs without automl: the least it could cost, and what people write themselves."""
