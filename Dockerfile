# One image for the learner and the server: the entry point is `freshet`, the command says which.
#
# The builder installs the locked dependencies, and this project as a wheel, into /opt/freshet; the
# image that runs is a slim Python with that folder and a user who may write only to
# /var/lib/freshet. The configuration is looked for in /etc/freshet.

FROM python:3.13.13-slim-trixie AS builder
# A mirror, if there is one: docker build --build-arg PIP_INDEX_URL=…
ARG PIP_INDEX_URL
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1 PIP_ROOT_USER_ACTION=ignore
WORKDIR /build

# The environment has no pip of its own: what runs has no use for an installer.
COPY requirements.txt requirements-build.txt ./
RUN python -m venv --without-pip /opt/freshet \
 && pip --python /opt/freshet/bin/python install \
        --require-hashes --only-binary :all: --requirement requirements.txt \
 && pip install --require-hashes --only-binary :all: --requirement requirements-build.txt

COPY pyproject.toml README.md LICENSE ./
COPY converters converters
COPY learners learners
COPY stream stream
COPY serve serve
RUN hatchling build --target wheel \
 && pip --python /opt/freshet/bin/python install --no-deps --no-index dist/*.whl

FROM python:3.13.13-slim-trixie
# A volume takes its owner from the folder it is first laid over.
RUN useradd --uid 10001 --user-group --no-log-init --no-create-home \
        --home-dir /var/lib/freshet --shell /usr/sbin/nologin freshet \
 && install --directory --owner=freshet --group=freshet --mode=0700 /var/lib/freshet \
 && install --directory /etc/freshet
COPY --from=builder /opt/freshet /opt/freshet
ENV PATH=/opt/freshet/bin:$PATH PYTHONUNBUFFERED=1 FRESHET_HOME=/var/lib/freshet
WORKDIR /etc/freshet
USER 10001:10001
VOLUME /var/lib/freshet
EXPOSE 8000
STOPSIGNAL SIGTERM
ENTRYPOINT ["freshet"]
CMD ["--help"]
