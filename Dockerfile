ARG PYTHON_IMAGE=python:3.13-slim

FROM ${PYTHON_IMAGE} AS build
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1 PYTHONDONTWRITEBYTECODE=1
WORKDIR /src
RUN python3 -m venv /venv
COPY requirements/build.lock requirements/
RUN /venv/bin/pip install --require-hashes --no-deps -r requirements/build.lock && cp -r /venv /build

FROM build AS build-server
COPY requirements/server.lock requirements/
RUN python3 -m venv --clear /venv && /venv/bin/pip install --require-hashes --no-deps -r requirements/server.lock
COPY pyproject.toml README.md LICENSE ./
COPY server server
COPY operator operator
RUN /build/bin/python -m hatchling build -t wheel -d /wheels && /venv/bin/pip install --no-deps --no-index /wheels/*.whl && /venv/bin/pip check \
 && /venv/bin/python -m compileall -q /venv/lib

FROM build AS build-operator
COPY requirements/operator.lock requirements/
RUN python3 -m venv --clear /venv && /venv/bin/pip install --require-hashes --no-deps -r requirements/operator.lock
COPY pyproject.toml README.md LICENSE ./
COPY server server
COPY operator operator
RUN /build/bin/python -m hatchling build -t wheel -d /wheels && /venv/bin/pip install --no-deps --no-index /wheels/*.whl && /venv/bin/pip check \
 && /venv/bin/python -m compileall -q /venv/lib

FROM ${PYTHON_IMAGE} AS base
ENV PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 PATH=/venv/bin:$PATH
LABEL org.opencontainers.image.title="Carillon" \
      org.opencontainers.image.description="Call signaling that survives a lost socket, pod, network or rollout" \
      org.opencontainers.image.licenses="MIT"
USER 65532:65532
WORKDIR /

FROM base AS operator
COPY --from=build-operator /venv /venv
ENTRYPOINT ["python", "-m", "carillon_operator"]

FROM base AS server
COPY --from=build-server /venv /venv
EXPOSE 8080
HEALTHCHECK --interval=10s --timeout=5s --start-period=10s \
  CMD ["python", "-c", "import os, urllib.request as r; r.urlopen(f'http://127.0.0.1:{os.environ.get(\"PORT\", 8080)}/livez', timeout=4)"]
ENTRYPOINT ["python", "-m", "carillon"]
