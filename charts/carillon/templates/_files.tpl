{{/*
Secrets that reach the server as files, which it reads again when they change: a list of {place, source, configMap, items, variables}.
items: key → file; variables: name → file that it is to name. Never by subPath: such mounts are not renewed.
*/}}
{{- define "carillon.files" -}}
{{- $found := list -}}
{{- $auth := .Values.auth -}}
{{- if include "carillon.generatesKeyring" . -}}
{{- $source := printf "%s-jwt" (include "carillon.fullname" .) -}}
{{- $found = append $found (dict "place" "jwt" "source" $source "items" (dict "keyring.json" "keyring.json") "variables" (dict "JWT_KEYRING_FILE" "keyring.json")) -}}
{{- else if and $auth.existingSecret.name (eq $auth.existingSecret.format "Keyring") -}}
{{- $items := dict $auth.existingSecret.key "keyring.json" -}}
{{- $found = append $found (dict "place" "jwt" "source" $auth.existingSecret.name "items" $items "variables" (dict "JWT_KEYRING_FILE" "keyring.json")) -}}
{{- end -}}
{{- with .Values.push.fcm.secret -}}{{- if .name -}}
{{- $file := "service-account.json" -}}
{{- $found = append $found (dict "place" "fcm" "source" .name "items" (dict .key $file) "variables" (dict "FCM_SERVICE_ACCOUNT_FILE" $file)) -}}
{{- end -}}{{- end -}}
{{- with .Values.push.apns.keySecret -}}{{- if .name -}}
{{- $found = append $found (dict "place" "apns" "source" .name "items" (dict .key "key.p8") "variables" (dict "APNS_KEY_PATH" "key.p8")) -}}
{{- end -}}{{- end -}}
{{- with .Values.push.apns.certificateSecret -}}{{- if .name -}}
{{- $found = append $found (dict "place" "apns" "source" .name "items" (dict .key "voip.p12") "variables" (dict "APNS_CERT_PATH" "voip.p12")) -}}
{{- end -}}{{- end -}}
{{- if include "carillon.externalRedis" . -}}
{{- $tls := .Values.redis.external.tls -}}
{{- with ternary $tls.caSecret $tls.caConfigMap (ne $tls.caSecret.name "") -}}{{- if .name -}}
{{- $found = append $found (dict "place" "redis-ca" "source" .name "configMap" (eq $tls.caSecret.name "") "items" (dict .key "ca.crt") "variables" (dict "REDIS_CA_FILE" "ca.crt")) -}}
{{- end -}}{{- end -}}
{{- with $tls.clientCertificate.name -}}
{{- $items := dict "tls.crt" "tls.crt" "tls.key" "tls.key" -}}
{{- $found = append $found (dict "place" "redis-tls" "source" . "items" $items "variables" (dict "REDIS_CERT_FILE" "tls.crt" "REDIS_KEY_FILE" "tls.key")) -}}
{{- end -}}
{{- end -}}
{{- toYaml $found -}}
{{- end -}}

{{/* One of the list above as a volume. 288 is 0440. */}}
{{- define "carillon.volume" -}}
- name: {{ .place }}
  {{- if .configMap }}
  configMap:
    name: {{ .source }}
  {{- else }}
  secret:
    secretName: {{ .source }}
  {{- end }}
    defaultMode: 288
    items:
      {{- range $key, $path := .items }}
      - {key: {{ $key | quote }}, path: {{ $path }}}
      {{- end }}
{{- end -}}
