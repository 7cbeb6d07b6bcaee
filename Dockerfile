# No compiler in the image, nothing fetched at run time, no root, and only /data and /tmp need to be written.
#
#   docker build -t citewell .
#   docker run --rm -v citewell:/data -v "$PWD/my-documents":/data/documents:ro citewell index sync /data/documents
#   docker run --rm --read-only --tmpfs /tmp -v citewell:/data -p 127.0.0.1:8000:8000 citewell
#
# `make image-check` proves it without a container engine, step by step as they stand here.
FROM debian:bookworm-slim AS base

# llama.cpp runs its threads with OpenMP.
RUN apt-get update \
    && apt-get install --yes --no-install-recommends libgomp1 python3 tini \
    && rm -rf /var/lib/apt/lists/*


FROM base AS builder

RUN apt-get update \
    && apt-get install --yes --no-install-recommends cmake g++ gcc make python3-venv \
    && rm -rf /var/lib/apt/lists/*

ENV CITEWELL_CACHE=/opt/citewell-cache
WORKDIR /src

# Portable, for an image runs elsewhere than where it is built. A change of the sources leaves this layer, with
# llama.cpp compiled and PyTorch in place, as it is.
COPY constraints.txt install.sh pyproject.toml ./
RUN ./install.sh --yes --no-test --portable --venv /opt/citewell --dependencies

COPY . .
RUN ./install.sh --yes --no-test --portable --venv /opt/citewell --copy


FROM base AS final

# 1000 is the first user's number on most machines: what it writes into a mounted folder is theirs.
RUN useradd --uid 1000 --home-dir /data --no-create-home citewell \
    && install --directory --owner=citewell --group=citewell /data

COPY --from=builder /opt/citewell /opt/citewell
COPY --from=builder /opt/citewell-cache/models /opt/citewell-cache/models

# With the home in the volume, so are the chat's history and a settings file, whatever --user says.
ENV PATH=/opt/citewell/bin:$PATH \
    HOME=/data \
    CITEWELL_CACHE=/opt/citewell-cache \
    CITEWELL_INDEX=/data/index \
    CITEWELL_HOST=0.0.0.0 \
    CITEWELL_PORT=8000 \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1

USER 1000:1000
WORKDIR /data
VOLUME /data
EXPOSE 8000
STOPSIGNAL SIGTERM

# Ready is when the models are loaded too. http.client, unlike urllib, heeds no proxy.
HEALTHCHECK --interval=10s --timeout=5s --start-period=60s \
    CMD ["python3", "-IS", "-c", "import http.client, os; c = http.client.HTTPConnection('127.0.0.1', int(os.environ['CITEWELL_PORT']), timeout=4); c.request('GET', '/readyz'); raise SystemExit(c.getresponse().status != 200)"]

# The first process of a container ignores SIGTERM unless it asks for it; tini takes that part, so that `docker stop`
# ends every command, at any moment, and no ended process is left unwaited for.
ENTRYPOINT ["tini", "--", "citewell"]
CMD ["serve"]
