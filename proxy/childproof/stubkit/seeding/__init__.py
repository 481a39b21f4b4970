"""The past of a world: recipes, their steps on one line of time, what every fresh world has."""
