{{/* What the schema cannot say, told before anything is made: pods that refuse to start tell it only in their log. */}}
{{- define "carillon.check" -}}
{{- $problems := list -}}
{{- with .Values.redis.external -}}
{{- $found := include "carillon.externalRedis" $ -}}
{{- if and .url .urlSecret.name -}}
{{- $problems = append $problems "redis.external: give only one of url and urlSecret." -}}
{{- end -}}
{{- if and (not $found) (or .username .passwordSecret.name .sentinel.username .sentinel.passwordSecret.name .tls.caSecret.name .tls.caConfigMap.name .tls.clientCertificate.name .cell) -}}
{{- $problems = append $problems "redis.external: give url or urlSecret; without one the managed Redis is used and the rest means nothing." -}}
{{- end -}}
{{- if and .tls.caSecret.name .tls.caConfigMap.name -}}
{{- $problems = append $problems "redis.external.tls: give only one of caSecret and caConfigMap." -}}
{{- end -}}
{{- if and .url (not (hasPrefix "rediss" .url)) (or .tls.caSecret.name .tls.caConfigMap.name .tls.clientCertificate.name) -}}
{{- $problems = append $problems "redis.external.tls needs a url that begins with rediss." -}}
{{- end -}}
{{- end -}}
{{- with .Values.auth -}}
{{- range $name := .algorithms -}}
{{- if and (hasPrefix "HS" $name) $.Values.auth.jwks.url (not $.Values.auth.existingSecret.name) -}}
{{- $problems = append $problems (printf "auth.algorithms: %s needs existingSecret. Give one, or take %s out." $name $name) -}}
{{- else if and (not (hasPrefix "HS" $name)) (not $.Values.auth.jwks.url) -}}
{{- $problems = append $problems (printf "auth.algorithms: %s needs jwks.url. Give it, or take %s out." $name $name) -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- with .Values.push.apns -}}
{{- if and .bundleId (eq (ne .keySecret.name "") (ne .certificateSecret.name "")) -}}
{{- $problems = append $problems "push.apns: give exactly one of keySecret and certificateSecret." -}}
{{- end -}}
{{- if and (not .bundleId) (or .keySecret.name .certificateSecret.name) -}}
{{- $problems = append $problems "push.apns: give bundleId, the app that pushes go to." -}}
{{- end -}}
{{- if and .keySecret.name (not (and .keyId .teamId)) -}}
{{- $problems = append $problems "push.apns.keySecret needs keyId and teamId: they stand beside the key in Apple's developer account." -}}
{{- end -}}
{{- if and .passphraseSecret.name (not .certificateSecret.name) -}}
{{- $problems = append $problems "push.apns.passphraseSecret opens a certificateSecret, and there is none." -}}
{{- end -}}
{{- end -}}
{{- $relays := false -}}
{{- range .Values.turn.urls }}{{ if hasPrefix "turn" . }}{{ $relays = true }}{{ end }}{{ end -}}
{{- if ne $relays (ne .Values.turn.secret.name "") -}}
{{- $problems = append $problems "turn: TURN URLs need a secret, and a secret TURN URLs. Give both or none." -}}
{{- end -}}
{{- with .Values.limits -}}
{{- if ne .bytes "off" -}}
{{- if lt (splitList "/" .bytes | first | int64) (int64 .frameBytes) -}}
{{- $problems = append $problems "limits.bytes allows less at once than limits.frameBytes: the longest messages could never be sent. Raise it." -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- with .Values.autoscaling -}}{{- if .enabled -}}
{{- if gt (int .minReplicas) (int .maxReplicas) -}}
{{- $problems = append $problems "autoscaling: minReplicas is greater than maxReplicas. Raise the one or lower the other." -}}
{{- end -}}
{{- if not (or .cpuPercent .connectionsPerPod) -}}
{{- $problems = append $problems "autoscaling: nothing to scale by. Set cpuPercent or connectionsPerPod." -}}
{{- end -}}
{{- if and .cpuPercent (not (dig "requests" "cpu" "" $.Values.pod.resources)) -}}
{{- $problems = append $problems "autoscaling.cpuPercent is a part of pod.resources.requests.cpu, which is not set." -}}
{{- end -}}
{{- end -}}{{- end -}}
{{- with .Values.update -}}
{{- if and (has (toString .maxSurge) (list "0" "0%")) (has (toString .maxUnavailable) (list "0" "0%")) -}}
{{- $problems = append $problems "update: with neither maxSurge nor maxUnavailable no pod could ever be replaced." -}}
{{- end -}}
{{- end -}}
{{- with .Values.service -}}
{{- if and (eq .type "ClusterIP") (or .nodePort .externalTrafficPolicy) -}}
{{- $problems = append $problems "service: nodePort and externalTrafficPolicy need type NodePort or LoadBalancer." -}}
{{- end -}}
{{- if and (ne .type "LoadBalancer") (or .loadBalancerClass .loadBalancerSourceRanges) -}}
{{- $problems = append $problems "service: loadBalancerClass and loadBalancerSourceRanges need type LoadBalancer." -}}
{{- end -}}
{{- end -}}
{{- range $field, $networks := dict "access.trustedProxies" .Values.access.trustedProxies "service.loadBalancerSourceRanges" .Values.service.loadBalancerSourceRanges -}}
{{- range $networks -}}
{{- if include "carillon.noNetwork" . -}}
{{- $problems = append $problems (printf "%s: %s is no network, as in 10.0.0.0/8 or fd00::/8 (host bits zero)." $field .) -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- range .Values.pod.env -}}
{{- if has .name (list "HOST" "PORT" "METRICS_PORT" "CELL") -}}
{{- $problems = append $problems (printf "pod.env: %s is the chart's own. Take it out." .name) -}}
{{- end -}}
{{- end -}}
{{- if and .Values.ingress.enabled (not .Values.ingress.hosts) -}}
{{- $problems = append $problems "ingress.hosts: name at least one host." -}}
{{- end -}}
{{- if and .Values.route.enabled (not .Values.route.parentRefs) -}}
{{- $problems = append $problems "route.parentRefs: name at least one Gateway." -}}
{{- end -}}
{{- if $problems -}}
{{- fail (printf "these values cannot be used:\n  %s\n" (join "\n  " $problems)) -}}
{{- end -}}
{{- end -}}

{{/* Something, if it is an IPv4 network that is none: a number above its bounds, or host bits. IPv6 is left to the server. */}}
{{- define "carillon.noNetwork" -}}
{{- if not (contains ":" .) -}}
{{- $address := splitList "/" . | first -}}
{{- $bits := 32 -}}{{- if contains "/" . -}}{{- $bits = splitList "/" . | last | int -}}{{- end -}}
{{- $number := 0 -}}{{- $wrong := gt $bits 32 -}}
{{- range splitList "." $address -}}
{{- $number = add (mul $number 256) (int .) -}}{{- if gt (int .) 255 -}}{{- $wrong = true -}}{{- end -}}
{{- end -}}
{{- $size := 1 -}}{{- range until (max 0 (sub 32 $bits) | int) -}}{{- $size = mul $size 2 -}}{{- end -}}
{{- if or $wrong (ne 0 (mod $number $size | int)) -}}wrong{{- end -}}
{{- end -}}
{{- end -}}
