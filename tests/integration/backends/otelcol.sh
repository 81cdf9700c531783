#!/bin/sh
# An OpenTelemetry collector, in the foreground, that takes OTLP over HTTP and prints each span: its output is what it took.
# The program is `otelcol`, built with the OTLP receiver and the debug exporter (the ordinary distribution has both).
# PORT, DIR.
set -eu
cat > "$DIR/collector.yaml" <<SETTINGS
receivers:
  otlp:
    protocols:
      http:
        endpoint: 127.0.0.1:$PORT
exporters:
  debug:
    verbosity: detailed
service:
  telemetry:
    metrics:
      level: none
  pipelines:
    traces:
      receivers: [otlp]
      exporters: [debug]
SETTINGS
exec otelcol --config "file:$DIR/collector.yaml"
