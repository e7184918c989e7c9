# syntax=docker/dockerfile:1
# `audit-pull watch` in a container. The context is the root of the project:
#   docker build --file infra/watch.Dockerfile --tag audit-pull .

# Debian 12, like the second stage, so that the program finds the C library that it was linked with.
FROM docker.io/library/rust:1.95.0-bookworm AS build
# The image has this toolchain; rust-toolchain.toml would also have the linters installed.
ENV RUSTUP_TOOLCHAIN=1.95.0
WORKDIR /project
COPY . .
RUN cargo build --locked --release --package audit-pull --bin audit-pull \
    && mkdir /lake

# The C library, root certificates (rustls reads /etc/ssl/certs) and nothing else: no shell, no package manager.
FROM gcr.io/distroless/cc-debian12:nonroot
COPY --from=build /project/target/release/audit-pull /usr/bin/audit-pull
# The only folder that is written. A new volume takes over its owner.
COPY --from=build --chown=65532:65532 /lake /lake
USER 65532:65532
VOLUME /lake
STOPSIGNAL SIGTERM
ENTRYPOINT ["/usr/bin/audit-pull"]
CMD ["watch", "--lake", "/lake"]
