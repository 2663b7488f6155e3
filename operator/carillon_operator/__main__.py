"""`python -m carillon_operator`: see operator/README.md."""

import asyncio
import sys

from carillon_operator import logs
from carillon_operator.dry_run import show
from carillon_operator.kube.access import ConfigException, load
from carillon_operator.options import Options, options
from carillon_operator.process import CannotStart, run


async def _main(given: Options) -> None:
    access = await load(given.context)
    await (show if given.dry_run else run)(given, access)


def main() -> int:
    given = options(sys.argv[1:])
    logs.configure(given.log_level, given.log_format)
    try:
        asyncio.run(_main(given))
    except ConfigException as why:
        sys.stderr.write(
            "carillon-operator cannot start: no cluster to talk to. Outside a pod a kubeconfig names one (KUBECONFIG, ~/.kube/config), "
            f"by its current context or --context: {why}\n"
        )
        return 1
    except CannotStart as why:
        sys.stderr.write(f"carillon-operator cannot start: {why}\n")
        return 1
    except KeyboardInterrupt:
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
