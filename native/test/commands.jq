# SPDX-License-Identifier: Apache-2.0
# Copyright The writethrough authors
#
# Of the syntax tree of a shell script (shfmt --to-json), a line each: "package NAME" for what the script has native/setup
# install, "command NAME" for each first word of a command, "function NAME", and "word NAME" for each word that may be the
# name of a command that another command runs: after xargs, exec and the like, a variable, or a function. "array NAMES": an array.

# The text of a word without expansions, else null.
def literal:
    if (.Parts | length) != 1 then null
    elif .Parts[0].Type == "DblQuoted" then .Parts[0] | literal
    else .Parts[0].Value? end;

# The last literal part of a word such as "$root/native/setup".
def ending:
    .Parts | last | if .Type == "DblQuoted" then ending else .Value? // "" end;

def runs_others: IN("exec", "nice", "timeout", "env", "sudo", "xargs", "find", "setarch", "command", "chroot", "unshare", "flock");

[.. | objects | select(.Type == "FuncDecl") | .Name.Value] as $functions |
[.. | objects | select(.Type == "CallExpr" and .Args != null) | .Args] as $calls |
($functions[] | "function \(.)"),
($calls[] | .[0] as $first | ($first | literal) as $name | map(literal) | .[1:] | map(select(. != null)) as $words |
    if $first | ending | test("(^|/)setup$") then $words[] | "package \(.)"
    else
        ($name // empty | "command \(.)"),
        if $name == null or ($name | runs_others) or ($functions | index($name)) then $words[] | "word \(.)" else empty end
    end),
(.. | objects | select((.Elems? | type) == "array") | [.Elems[].Value | objects | literal // empty] | select(. != []) |
    "array \(join(" "))")
