# docker build -t citewell .
# docker run --rm -v "$PWD":/data citewell index add documents --index index
# docker run --rm -v "$PWD":/data citewell ask --index index "What happened?"
FROM python:3.11-slim-bookworm AS builder

RUN apt-get update \
    && apt-get install --yes --no-install-recommends cmake g++ gcc make \
    && rm -rf /var/lib/apt/lists/*

ENV CITEWELL_CACHE=/opt/citewell-cache \
    PYTHON=/usr/local/bin/python3.11

WORKDIR /src
COPY . .

# The built wheel, for the final image has no source folder; portable, for an image runs elsewhere than where it is built.
RUN pip wheel --no-deps --wheel-dir /tmp/wheel . \
    && ./install.sh --yes --no-test --portable --venv /opt/citewell --wheel /tmp/wheel/citewell-*.whl \
    && rm -rf /opt/citewell-cache/wheels /opt/citewell-cache/logs /root/.cache


FROM python:3.11-slim-bookworm

# llama.cpp runs its threads with OpenMP.
RUN apt-get update \
    && apt-get install --yes --no-install-recommends libgomp1 \
    && rm -rf /var/lib/apt/lists/* \
    && useradd --create-home --uid 1000 citewell \
    && install --directory --owner=citewell --group=citewell /data

COPY --from=builder /opt/citewell /opt/citewell
COPY --from=builder --chown=citewell:citewell /opt/citewell-cache /opt/citewell-cache

ENV PATH=/opt/citewell/bin:$PATH \
    CITEWELL_CACHE=/opt/citewell-cache \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1

USER citewell
WORKDIR /data
VOLUME /data

ENTRYPOINT ["citewell"]
CMD ["--help"]
