#!/usr/bin/python3
"""Two optimisers on the space of a study: random points, and scipy's differential evolution.

Usage: optimise.py [STUDY.yaml]
"""
import os
import sys

import ridgeline

HERE = os.path.dirname(os.path.abspath(__file__))


def edp(point):
    return point["edp"] if point.ok else float("inf")


def at_random(space, count):
    points = space.sample(count, seed=1)
    costs = space.evaluate(points)
    best = min(range(count), key=lambda i: edp(costs[i]))
    return points[best], edp(costs[best])


def by_evolution(space, generations):
    from scipy.optimize import differential_evolution

    def cost(columns):  # one column a candidate: a generation is evaluated at once
        points = [[min(int(x), size - 1) for x, size in zip(column, space.sizes)] for column in columns.T]
        return [edp(point) for point in space.evaluate(points)]

    found = differential_evolution(cost, [(0, size) for size in space.sizes], maxiter=generations, popsize=4, seed=1,
                                   vectorized=True, updating="deferred", polish=False)
    return space.point([min(int(x), size - 1) for x, size in zip(found.x, space.sizes)]), found.fun


def main():
    study = sys.argv[1] if len(sys.argv) > 1 else os.path.join(HERE, "..", "studies", "gemm.yaml")
    with ridgeline.Space(study) as space:
        for name, (point, value) in (("random", at_random(space, 30)), ("evolution", by_evolution(space, 5))):
            print(f"{name}: EDP {value:.6g} pJ cycles at {point}")


if __name__ == "__main__":
    main()
