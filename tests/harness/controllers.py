"""Kubernetes' own HPA controller on a bare API server: the rest of kube-controller-manager is left out."""

import subprocess

from harness.apiserver import ApiServer, programs


class HorizontalPodAutoscaler:
    """`with HorizontalPodAutoscaler(server):`; looks every second, where a cluster's looks every fifteen."""

    def __init__(self, server: ApiServer) -> None:
        self._server = server
        self._process: subprocess.Popen[bytes]

    def __enter__(self) -> "HorizontalPodAutoscaler":
        with (self._server.folder / "kube-controller-manager.log").open("ab") as log:
            self._process = subprocess.Popen(
                [
                    programs() / "kube-controller-manager",
                    f"--kubeconfig={self._server.kubeconfig()}",
                    "--controllers=horizontal-pod-autoscaler-controller",
                    "--horizontal-pod-autoscaler-sync-period=1s",
                    "--leader-elect=false",
                    "--use-service-account-credentials=false",
                    "--secure-port=0",
                ],
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        return self

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        self._process.wait()
