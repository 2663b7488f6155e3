{{/* Names and labels. At most 52 characters: `-metrics` and a digest find room after it. */}}
{{- define "operator.fullname" -}}
{{- $name := .Values.nameOverride | default .Chart.Name -}}
{{- if .Values.fullnameOverride -}}
{{- .Values.fullnameOverride | trunc 52 | trimSuffix "-" -}}
{{- else if contains $name .Release.Name -}}
{{- .Release.Name | trunc 52 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-%s" .Release.Name $name | trunc 52 | trimSuffix "-" -}}
{{- end -}}
{{- end -}}

{{/* Labels by which pods are chosen; they never change. SignalingClusters let in pods of this name, so that no value changes it. */}}
{{- define "operator.selector" -}}
app.kubernetes.io/name: carillon-operator
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end -}}

{{/* Labels of pods: without the chart's version, so that it alone restarts nothing. */}}
{{- define "operator.podLabels" -}}
{{ include "operator.selector" . }}
app.kubernetes.io/component: operator
app.kubernetes.io/part-of: carillon
app.kubernetes.io/managed-by: {{ .Release.Service }}
{{- end -}}

{{- define "operator.labels" -}}
{{ include "operator.podLabels" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" }}
{{- end -}}

{{/* Arguments: the root, an image. */}}
{{- define "operator.image" -}}
{{- $image := index . 1 -}}
{{- $image.repository }}{{ if $image.digest }}@{{ $image.digest }}{{ else }}:{{ $image.tag | default (index . 0).Chart.AppVersion }}{{ end -}}
{{- end -}}

{{- define "operator.serviceAccount" -}}
{{- .Values.serviceAccount.name | default (ternary (include "operator.fullname" .) "default" .Values.serviceAccount.create) -}}
{{- end -}}

{{/* Where `helm test` calls. */}}
{{- define "operator.testNamespace" -}}
{{- .Values.watchNamespaces | default (list .Release.Namespace) | first -}}
{{- end -}}
