"""The words of the project as frozen types, and its errors. Nothing here has an effect or makes a decision."""
