"""A real Kubernetes cluster without Docker or a registry: plain processes in Linux namespaces.

A node is one process tree in its own mount, PID and network namespaces: ending its first process ends the node. Nodes hang on a
bridge that has no way out of this machine. Needs root, Go >= 1.24, and Debian's containerd runc containernetworking-plugins
iptables conntrack iproute2; for images also buildah and debootstrap.
"""

import argparse
import sys
from pathlib import Path

sys.path[0] = str(Path(__file__).resolve().parents[1])

from cluster import check, faults, images, lifecycle  # noqa: E402 - found only by the path above
from cluster.build import PROGRAMS, TOOLS, build, tool  # noqa: E402
from cluster.node import node  # noqa: E402


def main() -> None:
    match (args := _parser().parse_args()).command:
        case "build":
            print(build())
        case "up":
            print(lifecycle.up(args.nodes, stock_delays=args.stock))
        case "down":
            lifecycle.down()
        case "check":
            check.main(args.nodes)
        case "tool":
            print(tool(args.name))
        case "image":
            images.load(images.build_image(args.tag, args.context, *args.extra))
        case "load":
            images.load(*args.archives)
        case "enter":
            faults.enter(args.node, *args.words)
        case "stop" if args.program:
            faults.stop_program(args.node, args.program, args.signal)
        case "stop":
            faults.cut_power(args.node)
        case "start" if args.program:
            faults.start_program(args.node, args.program)
        case "start":
            faults.restore_power(args.node)
        case "_node":
            node(args.index, args.nodes)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser("cluster", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("build", help="compile the Kubernetes programs once and print their folder (six minutes, then cached)")
    up = commands.add_parser("up", help="start etcd, the control plane and the nodes; print the kubeconfig's path")
    up.add_argument("--nodes", type=int, default=1)
    up.add_argument("--stock", action="store_true", help="keep Kubernetes' own delays: Secret to file 60 s (else 10), dead node 50 s (20)")
    checking = commands.add_parser("check", help="try all of that, leave nothing, and say why where it cannot be done")
    checking.add_argument("--nodes", type=int, default=2)
    commands.add_parser("down", help="stop everything and remove every trace")
    for name, does in (("stop", "end, freeze or thaw a program; without one the node loses its power"), ("start", "start it again")):
        changing = commands.add_parser(name, help=does)
        changing.add_argument("--node", type=int, default=1)
        changing.add_argument("program", nargs="?", choices=[*PROGRAMS, "containerd"])
        if name == "stop":
            changing.add_argument("--signal", default="KILL", choices=("KILL", "TERM", "STOP", "CONT"))
    loading = commands.add_parser("load", help="put docker- or OCI-archive images on every node")
    loading.add_argument("archives", nargs="+", type=Path)
    image = commands.add_parser("image", help="build a folder's Dockerfile with buildah and load it; further words go to `buildah bud`")
    image.add_argument("tag")
    image.add_argument("context", type=Path)
    image.add_argument("extra", nargs=argparse.REMAINDER)
    commands.add_parser("tool", help="compile that program once and print its path").add_argument("name", choices=TOOLS)
    entering = commands.add_parser("enter", help="run a command inside a node")
    entering.add_argument("--node", type=int, default=1)
    entering.add_argument("words", nargs=argparse.REMAINDER)
    inside = commands.add_parser("_node")
    inside.add_argument("index", type=int)
    inside.add_argument("nodes", type=int)
    return parser


if __name__ == "__main__":
    main()
