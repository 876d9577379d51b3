# Maps slides and shows them in the browser, on CPUs: the core, the browser view, buckets. No PyTorch.
#   docker build -t breastseg .
#   docker run --rm -v "$PWD:/data" --user "$(id -u):$(id -g)" breastseg predict /data/slides --out /data/maps
#   docker run --rm -v "$PWD:/data" -p 127.0.0.1:8100:8100 breastseg serve /data/slides --host 0.0.0.0 --no-open
FROM python:3.11-slim-bookworm AS build
WORKDIR /source
COPY pyproject.toml constraints.txt README.md LICENSE ./
COPY src src
RUN python -m venv /opt/breastseg \
 && /opt/breastseg/bin/pip install --no-cache-dir -c constraints.txt '.[serve,cloud]' \
 && /opt/breastseg/bin/pip uninstall --yes pip setuptools

FROM python:3.11-slim-bookworm
COPY --from=build /opt/breastseg /opt/breastseg
RUN useradd --create-home --uid 1000 breastseg
ENV PATH=/opt/breastseg/bin:$PATH PYTHONUNBUFFERED=1
USER breastseg
WORKDIR /data
EXPOSE 8100
# Of `serve` alone: any other command is well as long as it runs.
HEALTHCHECK --interval=30s --timeout=10s --start-period=60s CMD ["python", "-c", "import socket; b'serve' not in open('/proc/1/cmdline', 'rb').read().split(b'\\0') or socket.create_connection(('127.0.0.1', 8100), 5)"]
ENTRYPOINT ["breastseg"]
CMD ["--help"]
