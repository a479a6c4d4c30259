"""Formulas of model files, evaluated without running them as code."""

import ast
import math
import operator

OPERATORS = {ast.Add: operator.add, ast.Sub: operator.sub, ast.Mult: operator.mul, ast.Div: operator.truediv,
             ast.Pow: operator.pow, ast.USub: operator.neg, ast.UAdd: operator.pos}
FUNCTIONS = {"exp": math.exp, "log": math.log, "sqrt": math.sqrt}


def formula(text: str):
    """Return a function of x (a distance in um) from a text such as `(-0.87 + 2.087*exp(x*0.0031))*8e-5`.

    Raises
    ------
    ValueError
        If it holds anything but numbers, x, + - * / **, exp, log and sqrt.
    """
    try:
        tree = ast.parse(text.strip(), mode="eval").body
    except SyntaxError:
        raise ValueError(f"{text!r} is no formula") from None
    value(tree, 1.0)  # what is not allowed is found here
    return lambda x: value(tree, x)


def value(node, x: float) -> float:
    """Evaluate a node of a formula's tree."""
    if isinstance(node, ast.Constant) and isinstance(node.value, (int, float)):
        return float(node.value)
    if isinstance(node, ast.Name) and node.id == "x":
        return x
    if isinstance(node, ast.BinOp) and type(node.op) in OPERATORS:
        return OPERATORS[type(node.op)](value(node.left, x), value(node.right, x))
    if isinstance(node, ast.UnaryOp) and type(node.op) in OPERATORS:
        return OPERATORS[type(node.op)](value(node.operand, x))
    if isinstance(node, ast.Call) and getattr(node.func, "id", "") in FUNCTIONS and len(node.args) == 1 and not node.keywords:
        return FUNCTIONS[node.func.id](value(node.args[0], x))
    raise ValueError(f"{ast.unparse(node)!r} is not allowed in a formula")
