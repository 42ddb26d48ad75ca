# Pandora Core with a PostgreSQL of its own. How to run it: docs/container.md.
#
#   docker build -t pandora .
#   docker build -t pandora:1.2.3 --build-arg VERSION=1.2.3 .

# The product has no native code: it is compiled once, on the machine that builds, for every architecture.
FROM --platform=$BUILDPLATFORM mcr.microsoft.com/dotnet/sdk:10.0.401-resolute AS build
ENV DOTNET_CLI_TELEMETRY_OPTOUT=1 DOTNET_NOLOGO=1
WORKDIR /src

# The packages first: they change less often than the code.
COPY global.json Directory.Build.props Directory.Packages.props ./
COPY Pandora.Core/Pandora.Core.csproj Pandora.Core/packages.lock.json Pandora.Core/
COPY Pandora.ServiceDefaults/Pandora.ServiceDefaults.csproj Pandora.ServiceDefaults/packages.lock.json Pandora.ServiceDefaults/
RUN dotnet restore Pandora.Core --locked-mode

COPY . .
ARG VERSION=x.x.x
# MSBuild takes a variable of the environment for a property, and x.x.x is no version to it: hence unset.
RUN set -eu; \
    [ "$VERSION" = x.x.x ] || set -- "-p:Version=$VERSION"; \
    unset VERSION; \
    dotnet publish Pandora.Core --no-restore -c Release -o /app \
        -p:ContinuousIntegrationBuild=true -p:UseAppHost=false -p:PublishDocumentationFiles=false \
        -p:IsTransformWebConfigDisabled=true "$@"


FROM mcr.microsoft.com/dotnet/aspnet:10.0.12-resolute

# A data directory belongs to one major version of PostgreSQL. To change this number is to ask every operator to move
# their data; see docs/container.md.
ARG POSTGRES_MAJOR=18

# The server of the distribution, without what it only recommends: the just-in-time compiler (LLVM) is most of that, and all
# statements here are short. libnss-wrapper lets initdb run as a user that has no name in the image. No manuals, no
# translations, no cluster of the distribution's own, and none of the files that differ from build to build, among them a
# private key that nobody uses.
RUN set -eu; \
    printf 'path-exclude=%s\n' '/usr/share/doc/*' '/usr/share/locale/*' '/usr/share/man/*' \
        > /etc/dpkg/dpkg.cfg.d/pandora; \
    echo 'path-include=/usr/share/doc/*/copyright' >> /etc/dpkg/dpkg.cfg.d/pandora; \
    mkdir -p /etc/postgresql-common /usr/share/man/man1 /usr/share/man/man7; \
    echo 'create_main_cluster = false' > /etc/postgresql-common/createcluster.conf; \
    apt-get update; \
    DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends "postgresql-$POSTGRES_MAJOR" libnss-wrapper; \
    apt-get clean; \
    rm -f /etc/ssl/private/ssl-cert-snakeoil.key /etc/ssl/certs/ssl-cert-snakeoil.pem; \
    find /etc/ssl/certs -xtype l -delete; \
    rm -rf /usr/share/postgresql/*/man /var/lib/apt/lists/* /var/cache/* /var/log/* /tmp/* \
        /etc/passwd- /etc/shadow- /etc/group- /etc/gshadow- /var/lib/dpkg/*-old; \
    printf '#!/bin/sh\nexec dotnet /app/Pandora.Core.dll "$@"\n' > /usr/local/bin/pandora; \
    chmod 0755 /usr/local/bin/pandora; \
    install -d -m 0770 -o 1654 -g 0 /etc/pandora

COPY LICENSE /app/
COPY --from=build /app /app

ARG VERSION=x.x.x
LABEL org.opencontainers.image.title="Pandora Core" \
      org.opencontainers.image.description="Issues API keys, checks every call made with them, meters quotas and keeps the record." \
      org.opencontainers.image.licenses="MIT" \
      org.opencontainers.image.version="$VERSION" \
      org.opencontainers.image.base.name="mcr.microsoft.com/dotnet/aspnet:10.0.12-resolute"

# The user "app" of the base image.
USER 1654:1654
VOLUME /etc/pandora
EXPOSE 80 50051
HEALTHCHECK --interval=30s --timeout=10s --start-period=30s --retries=3 CMD ["dotnet", "/app/Pandora.Core.dll", "health"]
ENTRYPOINT ["dotnet", "/app/Pandora.Core.dll"]
