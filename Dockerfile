# The sidecar. docs/image.md says how it is built, run, pinned and hardened, and how it was tried.
#   docker build --build-arg REVISION=$(git rev-parse HEAD) -t childproof .        (or: make image)
# BASE by digest, for a build that gives the same bytes next year: --build-arg BASE=python:3.13-slim-trixie@sha256:…
ARG BASE=python:3.13-slim-trixie

# --- the wheel, and an environment with it and what it needs, in the versions of constraints.txt -----------------------
FROM ${BASE} AS build
SHELL ["/bin/sh", "-eu", "-c"]
# Fixed, so that the same source gives the same bytes: zip entries, files' times, the order of sets in bytecode.
ARG SOURCE_DATE_EPOCH=1577836800
ENV SOURCE_DATE_EPOCH=${SOURCE_DATE_EPOCH} PYTHONHASHSEED=0 PYTHONDONTWRITEBYTECODE=1 \
    PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_ROOT_USER_ACTION=ignore
# The extras that the image carries, with a comma between them: what isn't in it can't be installed into it later.
ARG EXTRAS=grpc,otel
WORKDIR /src

# What is needed changes seldom, so it is a layer of its own. Wheels only: nothing is compiled, so nothing here could. The two
# secrets may be left out; they say how to reach a package index of one's own, and its authority.
COPY pyproject.toml constraints.txt ./
RUN --mount=type=cache,target=/root/.cache/pip \
    --mount=type=secret,id=pip.conf,target=/etc/pip.conf \
    --mount=type=secret,id=ca.pem,target=/run/secrets/ca.pem \
    python -c 'import os, tomllib; p = tomllib.load(open("pyproject.toml", "rb"))["project"]; \
      extras = [p["optional-dependencies"][e] for e in os.environ["EXTRAS"].split(",") if e]; \
      print("\n".join(sum(extras, p["dependencies"])))' > requirements.txt; \
    python -m venv --without-pip /opt/childproof; \
    python -m pip --python /opt/childproof install --no-compile --only-binary=:all: --constraint constraints.txt --requirement requirements.txt; \
    python -m pip install --no-compile --only-binary=:all: --constraint constraints.txt hatchling

COPY README.md LICENSE THIRD_PARTY_NOTICES.md ./
COPY deploy/image deploy/image
COPY rules rules
COPY stubs stubs
COPY proxy proxy
# What the label will say; a build for another version than the source's own is refused.
ARG VERSION=
RUN python -m pip wheel --no-cache-dir --no-deps --no-build-isolation --wheel-dir dist .; \
    found=$(ls dist); case "$found" in childproof-"${VERSION:-*}"-*) ;; *) echo "VERSION=$VERSION, but this is $found" >&2; exit 1;; esac; \
    python -m pip --python /opt/childproof install --no-compile --no-cache-dir --no-deps dist/*.whl; \
    python -m pip --python /opt/childproof check; \
    mkdir doc etc; cp LICENSE THIRD_PARTY_NOTICES.md doc; cp deploy/image/*.yaml etc; chmod 0644 doc/* etc/*; \
    /opt/childproof/bin/python deploy/image/sbom.py > doc/sbom.cdx.json; \
    # What nothing here can come to use goes (slim.py says why), and of the commands that came along all but one. Bytecode now,
    # since a read-only root can't take it later: not compared with files' times, which a builder may change, made by one process,
    # since several give other bytes each time, and not for what only mitmproxy's and CEL's own programs would import.
    /opt/childproof/bin/python deploy/image/slim.py; \
    find /opt/childproof/bin -mindepth 1 ! -name 'python*' ! -name childproof -delete; \
    python -m compileall -q --invalidation-mode unchecked-hash \
      -x '/site-packages/(flask|jinja2|ldap3|prompt_toolkit|pydantic|pygments|tornado|typer|urwid|wcwidth|werkzeug)/' /opt/childproof/lib; \
    find /opt/childproof doc etc -exec touch --no-dereference --date="@$SOURCE_DATE_EPOCH" {} +

# --- what runs ---------------------------------------------------------------------------------------------------------
FROM ${BASE}
SHELL ["/bin/sh", "-eu", "-c"]
# No installer and no setuid file; a name for the uid, for programs that ask. This user may write into the volumes' folders
# and nowhere else. 15001 is the one uid that `childproof init` lets out, so it is one that no workload has by chance.
RUN rm -rf /usr/local/lib/python3*/site-packages/* /usr/local/lib/python3*/ensurepip /usr/local/bin/pip* /usr/local/bin/idle3* \
      /usr/local/bin/pydoc3* /usr/local/bin/python3*-config /usr/local/bin/2to3*; \
    find / -xdev -type f -perm /6000 -exec chmod a-s {} +; \
    echo 'childproof:x:15001:15001::/var/lib/childproof:/usr/sbin/nologin' >> /etc/passwd; \
    echo 'childproof:x:15001:' >> /etc/group; \
    install -d -m 0755 -o 15001 -g 15001 /run/childproof /run/childproof/ca; \
    install -d -m 0700 -o 15001 -g 15001 /var/lib/childproof
COPY --from=build /opt/childproof /opt/childproof
COPY --from=build /src/doc /usr/share/doc/childproof
COPY --from=build /src/etc /etc/childproof

# TMPDIR: SQLite's large sorts, the one thing that wants a temporary file, go to the volume; /tmp isn't needed.
# RES_OPTIONS: Kubernetes has resolvers try its search domains before a name itself (ndots:5), and whoever answers there for
# an allowed name would be sent its calls.
ENV PATH=/opt/childproof/bin:/usr/local/bin:/usr/local/sbin:/usr/sbin:/usr/bin:/sbin:/bin \
    RES_OPTIONS=ndots:1 \
    HOME=/var/lib/childproof TMPDIR=/var/lib/childproof \
    PYTHONDONTWRITEBYTECODE=1 PYTHONUNBUFFERED=1 PYTHONSAFEPATH=1 \
    CHILDPROOF_CONFIG=/etc/childproof/childproof.yaml
WORKDIR /var/lib/childproof
VOLUME ["/var/lib/childproof", "/run/childproof/ca"]
USER 15001:15001
# transparent TCP; DNS; health; metrics
EXPOSE 15001/tcp 15053/tcp 15053/udp 15021/tcp 15090/tcp
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=30s --timeout=3s --start-period=30s --retries=3 CMD ["childproof", "health"]
ENTRYPOINT ["childproof"]
CMD ["serve", "--config", "/etc/childproof/childproof.yaml"]

# Last, since they change with every commit.
ARG BASE
ARG VERSION=
ARG REVISION=
ARG CREATED=
LABEL org.opencontainers.image.title="childproof" \
      org.opencontainers.image.description="The child-proof egress layer for AI-agent sandboxes" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.vendor="The childproof founders" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}" \
      org.opencontainers.image.created="${CREATED}" \
      org.opencontainers.image.base.name="${BASE}"
