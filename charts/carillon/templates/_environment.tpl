{{/* A plain variable; an empty one is an unset one and left out. Arguments: name, value. Whole numbers come as floats from YAML. */}}
{{- define "carillon.variable" -}}
{{- $value := index . 1 -}}
{{- if kindIs "float64" $value }}{{ $value = int64 $value }}{{ end -}}
{{- $text := toString $value -}}
{{- if $text }}
- {{ dict "name" (index . 0) "value" $text | toJson }}
{{- end -}}
{{- end -}}

{{/* A variable from a Secret, where one is named. Arguments: name, {name, key}. */}}
{{- define "carillon.secretVariable" -}}
{{- $secret := index . 1 -}}
{{- if $secret.name }}
- {{ dict "name" (index . 0) "valueFrom" (dict "secretKeyRef" (dict "name" $secret.name "key" $secret.key)) | toJson }}
{{- end -}}
{{- end -}}

{{- define "carillon.switch" -}}{{ ternary "on" "off" . }}{{- end -}}

{{/* "true" where the server sees clients' own addresses, so that limits per address hit nobody else. */}}
{{- define "carillon.knowsAddresses" -}}
{{- $direct := and (eq .Values.service.externalTrafficPolicy "Local") (not .Values.ingress.enabled) (not .Values.route.enabled) -}}
{{- if or $direct .Values.access.trustedProxies }}true{{ end -}}
{{- end -}}

{{/* The part of Redis' keys that keeps releases apart which share one Redis; the server takes 63 characters. */}}
{{- define "carillon.cell" -}}
{{- $name := include "carillon.fullname" . -}}
{{- $derived := printf "%s.%s" .Release.Namespace $name -}}
{{- if not (include "carillon.externalRedis" .) -}}
default
{{- else if .Values.redis.external.cell -}}
{{- .Values.redis.external.cell -}}
{{- else if gt (len $derived) 63 -}}
{{- printf "%s.%s" $name (sha256sum $derived | trunc 10) -}}
{{- else -}}
{{- $derived -}}
{{- end -}}
{{- end -}}

{{/* Every variable of the server's container but those of `pod.env`, as a list. docs/settings.md says what they do. */}}
{{- define "carillon.environment" -}}
- {"name": "SERVER_ID", "valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}}
{{- $known := include "carillon.knowsAddresses" . -}}
{{- include "carillon.variable" (list "PORT" 8080) -}}
{{- include "carillon.variable" (list "METRICS_PORT" 9090) -}}
{{- include "carillon.variable" (list "LOG_FORMAT" "json") -}}
{{- include "carillon.variable" (list "LOG_LEVEL" .Values.telemetry.logLevel) -}}
{{- include "carillon.variable" (list "ALLOWED_ORIGINS" (join "," .Values.access.allowedOrigins)) -}}
{{- include "carillon.variable" (list "TRUSTED_PROXIES" (join "," .Values.access.trustedProxies)) -}}
{{- include "carillon.variable" (list "DRAIN_DELAY" .Values.drainDelaySeconds) -}}
{{- include "carillon.variable" (list "DRAIN_SECONDS" .Values.drainSeconds) -}}
{{- with .Values.calls -}}
{{- include "carillon.variable" (list "RING_TIMEOUT" .ringTimeoutSeconds) -}}
{{- include "carillon.variable" (list "GRACE_PERIOD" .graceSeconds) -}}
{{- include "carillon.variable" (list "OFFLINE_POLICY" (lower .offlinePolicy)) -}}
{{- include "carillon.variable" (list "TOMBSTONE_TTL" .tombstoneSeconds) -}}
{{- end -}}
{{- include "carillon.variable" (list "PUSH_CANCEL" (include "carillon.switch" .Values.push.cancel)) -}}
{{- with .Values.limits -}}
{{- include "carillon.variable" (list "RATE_LIMITS" (lower .rates)) -}}
{{- include "carillon.variable" (list "MAX_CONNECTIONS" .maxConnections) -}}
{{- include "carillon.variable" (list "LIMIT_ACCEPTS" .accepts) -}}
{{- include "carillon.variable" (list "LIMIT_CONNECTIONS_PER_ADDRESS" (ternary .connectionsPerAddress 0 (ne $known ""))) -}}
{{- include "carillon.variable" (list "LIMIT_UNAUTHENTICATED" (ternary .unauthenticated "off" (ne $known ""))) -}}
{{- include "carillon.variable" (list "LIMIT_CONNECTS_PER_USER" .connectsPerUser) -}}
{{- include "carillon.variable" (list "LIMIT_STARTS" .starts) -}}
{{- include "carillon.variable" (list "LIMIT_PUSHES_PER_CALLER" .pushesPerCaller) -}}
{{- include "carillon.variable" (list "LIMIT_PUSHES_PER_TOKEN" .pushesPerToken) -}}
{{- include "carillon.variable" (list "LIMIT_MESSAGES" .messages) -}}
{{- include "carillon.variable" (list "LIMIT_BYTES" .bytes) -}}
{{- include "carillon.variable" (list "MAX_FRAME_BYTES" .frameBytes) -}}
{{- end -}}
{{- include "carillon.environment.auth" .Values.auth -}}
{{- include "carillon.environment.redis" . -}}
{{- include "carillon.environment.push" .Values.push -}}
{{- with .Values.turn -}}{{- if .urls -}}
{{- include "carillon.variable" (list "TURN_URLS" (join "," .urls)) -}}
{{- include "carillon.variable" (list "TURN_TTL" .ttlSeconds) -}}
{{- include "carillon.secretVariable" (list "TURN_SECRET" .secret) -}}
{{- end -}}{{- end -}}
{{- include "carillon.environment.telemetry" . -}}
{{- range $file := include "carillon.files" . | fromYamlArray -}}
{{- range $name, $path := $file.variables -}}
{{- include "carillon.variable" (list $name (printf "/etc/carillon/%s/%s" $file.place $path)) -}}
{{- end -}}
{{- end -}}
{{- end -}}

{{- define "carillon.environment.auth" -}}
{{- include "carillon.variable" (list "JWT_ALGORITHMS" (join "," .algorithms)) -}}
{{- include "carillon.variable" (list "JWT_AUDIENCE" .audience) -}}
{{- include "carillon.variable" (list "JWT_ISSUER" .issuer) -}}
{{- include "carillon.variable" (list "JWT_USER_CLAIM" .userClaim) -}}
{{- include "carillon.variable" (list "JWT_LEEWAY" .leewaySeconds) -}}
{{- include "carillon.variable" (list "CLOSE_ON_TOKEN_EXPIRY" (include "carillon.switch" .closeOnExpiry)) -}}
{{- if .jwks.url -}}
{{- include "carillon.variable" (list "JWT_JWKS_URL" .jwks.url) -}}
{{- include "carillon.variable" (list "JWT_JWKS_REFETCH" .jwks.refetchSeconds) -}}
{{- include "carillon.variable" (list "JWT_JWKS_LIFETIME" .jwks.lifetimeSeconds) -}}
{{- end -}}
{{- if eq .existingSecret.format "Secret" -}}
{{- include "carillon.secretVariable" (list "JWT_SECRET" .existingSecret) -}}
{{- end -}}
{{- end -}}

{{- define "carillon.environment.redis" -}}
{{- include "carillon.variable" (list "CELL" (include "carillon.cell" .)) -}}
{{- if include "carillon.externalRedis" . -}}
{{- with .Values.redis.external -}}
{{- include "carillon.variable" (list "REDIS_URL" .url) -}}
{{- include "carillon.variable" (list "REDIS_USERNAME" .username) -}}
{{- include "carillon.variable" (list "REDIS_SENTINEL_USERNAME" .sentinel.username) -}}
{{- include "carillon.secretVariable" (list "REDIS_URL" .urlSecret) -}}
{{- include "carillon.secretVariable" (list "REDIS_PASSWORD" .passwordSecret) -}}
{{- include "carillon.secretVariable" (list "REDIS_SENTINEL_PASSWORD" .sentinel.passwordSecret) -}}
{{- end -}}
{{- else -}}
{{- $name := printf "%s-redis" (include "carillon.fullname" .) -}}
{{- include "carillon.variable" (list "REDIS_ADDR" (printf "%s.%s.svc:6379" $name .Release.Namespace)) -}}
{{- include "carillon.secretVariable" (list "REDIS_PASSWORD" (dict "name" $name "key" "password")) -}}
{{- end -}}
{{- end -}}

{{- define "carillon.environment.push" -}}
{{- if .fcm.secret.name -}}
{{- include "carillon.variable" (list "FCM_PROJECT_ID" .fcm.projectId) -}}
{{- end -}}
{{- with .apns -}}{{- if .bundleId -}}
{{- include "carillon.variable" (list "APNS_KEY_ID" .keyId) -}}
{{- include "carillon.variable" (list "APNS_TEAM_ID" .teamId) -}}
{{- include "carillon.variable" (list "APNS_BUNDLE_ID" .bundleId) -}}
{{- include "carillon.variable" (list "APNS_PRODUCTION" (include "carillon.switch" (eq .environment "Production"))) -}}
{{- include "carillon.secretVariable" (list "APNS_CERT_PASSPHRASE" .passphraseSecret) -}}
{{- end -}}{{- end -}}
{{- end -}}

{{- define "carillon.environment.telemetry" -}}
{{- $attributes := printf "k8s.namespace.name=%s,k8s.pod.name=$(SERVER_ID),carillon.cluster=%s" .Release.Namespace (include "carillon.fullname" .) -}}
{{- with .Values.telemetry.otlp -}}{{- if .endpoint -}}
{{- include "carillon.variable" (list "OTEL_EXPORTER_OTLP_ENDPOINT" .endpoint) -}}
{{- include "carillon.variable" (list "OTEL_EXPORTER_OTLP_PROTOCOL" .protocol) -}}
{{- include "carillon.variable" (list "OTEL_METRICS_EXPORTER" (ternary "otlp" "none" .metrics)) -}}
{{- include "carillon.variable" (list "OTEL_TRACES_SAMPLER" "parentbased_traceidratio") -}}
{{- include "carillon.variable" (list "OTEL_TRACES_SAMPLER_ARG" (printf "%g" (divf .samplingPercent 100))) -}}
{{- include "carillon.variable" (list "OTEL_RESOURCE_ATTRIBUTES" $attributes) -}}
{{- include "carillon.secretVariable" (list "OTEL_EXPORTER_OTLP_HEADERS" .headersSecret) -}}
{{- end -}}{{- end -}}
{{- end -}}
