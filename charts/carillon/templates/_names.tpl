{{/* Names and labels. At most 52 characters: `-redis`, `-metrics` and a digest find room after it. */}}
{{- define "carillon.fullname" -}}
{{- $name := .Values.nameOverride | default .Chart.Name -}}
{{- if .Values.fullnameOverride -}}
{{- .Values.fullnameOverride | trunc 52 | trimSuffix "-" -}}
{{- else if contains $name .Release.Name -}}
{{- .Release.Name | trunc 52 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-%s" .Release.Name $name | trunc 52 | trimSuffix "-" -}}
{{- end -}}
{{- end -}}

{{/*
Labels by which pods are chosen; they never change. Not those of the operator, which removes what carries its own; and not the release's name,
which two of a parent chart would share.
*/}}
{{- define "carillon.selector" -}}
carillon.dev/release: {{ include "carillon.fullname" (index . 0) | quote }}
carillon.dev/component: {{ index . 1 }}
{{- end -}}

{{/* Labels of pods: without the chart's version, so that it alone restarts nothing. */}}
{{- define "carillon.podLabels" -}}
{{- $root := index . 0 -}}
app.kubernetes.io/name: carillon
app.kubernetes.io/instance: {{ $root.Release.Name }}
app.kubernetes.io/component: {{ index . 1 }}
app.kubernetes.io/part-of: carillon
app.kubernetes.io/managed-by: {{ $root.Release.Service }}
{{ include "carillon.selector" . }}
{{- end -}}

{{- define "carillon.labels" -}}
{{ include "carillon.podLabels" . }}
app.kubernetes.io/version: {{ (index . 0).Chart.AppVersion | quote }}
helm.sh/chart: {{ printf "%s-%s" (index . 0).Chart.Name (index . 0).Chart.Version | replace "+" "_" }}
{{- end -}}

{{- define "carillon.image" -}}
{{- with .Values.image -}}
{{- .repository }}{{ if .digest }}@{{ .digest }}{{ else }}:{{ .tag | default $.Chart.AppVersion }}{{ end -}}
{{- end -}}
{{- end -}}

{{- define "carillon.serviceAccount" -}}
{{- .Values.pod.serviceAccountName | default (include "carillon.fullname" .) -}}
{{- end -}}

{{/* "true" where the Redis is one of the user's. */}}
{{- define "carillon.externalRedis" -}}
{{- if or .Values.redis.external.url .Values.redis.external.urlSecret.name }}true{{ end -}}
{{- end -}}

{{/* "true" where the hook generates a keyring. */}}
{{- define "carillon.generatesKeyring" -}}
{{- if not (or .Values.auth.existingSecret.name .Values.auth.jwks.url) }}true{{ end -}}
{{- end -}}

{{- define "carillon.address" -}}
{{- printf "%s.%s.svc" (include "carillon.fullname" .) .Release.Namespace -}}
{{- if ne (int .Values.service.port) 80 }}:{{ int .Values.service.port }}{{ end -}}
{{- end -}}

{{/* Where clients connect. */}}
{{- define "carillon.endpoint" -}}
{{- if and .Values.route.enabled .Values.route.hostnames -}}
wss://{{ first .Values.route.hostnames }}/ws
{{- else if .Values.ingress.enabled -}}
{{ ternary "wss" "ws" (ne .Values.ingress.tlsSecret "") }}://{{ first .Values.ingress.hosts }}/ws
{{- else -}}
ws://{{ include "carillon.address" . }}/ws
{{- end -}}
{{- end -}}

{{/* Labels of generated Secrets: not Helm's, which does not manage them. */}}
{{- define "carillon.secretLabels" -}}
app.kubernetes.io/name: carillon
app.kubernetes.io/instance: {{ (index . 0).Release.Name }}
app.kubernetes.io/component: {{ index . 1 }}
app.kubernetes.io/part-of: carillon
{{- end -}}

{{/* Annotations of what makes them; on upgrades too, for values that begin to need one. Argument: weight. */}}
{{- define "carillon.secretsHook" -}}
helm.sh/hook: pre-install,pre-upgrade
helm.sh/hook-weight: {{ . | quote }}
helm.sh/hook-delete-policy: before-hook-creation,hook-succeeded
{{- end -}}
