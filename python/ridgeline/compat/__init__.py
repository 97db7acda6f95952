"""ZigZag's and Stream's own calls, answered by Ridgeline: a script changes only its imports."""
