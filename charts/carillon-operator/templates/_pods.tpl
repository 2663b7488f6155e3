{{/* Where pods run. Nodes that are lost keep them for 30 s instead of Kubernetes' 300, unless the values speak of the same taint. */}}
{{- define "operator.scheduling" -}}
{{- $pod := .Values.pod -}}
{{- $named := list -}}
{{- range $pod.tolerations -}}
{{- if or (not .effect) (eq .effect "NoExecute") }}{{ $named = append $named .key }}{{ end -}}
{{- end -}}
{{- $tolerations := list -}}
{{- range list "node.kubernetes.io/not-ready" "node.kubernetes.io/unreachable" -}}
{{- if not (has . $named) -}}
{{- $tolerations = append $tolerations (dict "key" . "operator" "Exists" "effect" "NoExecute" "tolerationSeconds" 30) -}}
{{- end -}}
{{- end -}}
{{- with concat $tolerations $pod.tolerations -}}
tolerations:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- $selector := dict "matchLabels" (include "operator.selector" . | fromYaml) }}
{{- $usual := dict "maxSkew" 1 "whenUnsatisfiable" "ScheduleAnyway" "labelSelector" $selector }}
{{- $spread := $pod.topologySpreadConstraints }}
{{- if not $spread }}
{{- $spread = list (dict "topologyKey" "kubernetes.io/hostname") }}
{{- end }}
topologySpreadConstraints:
  {{- range $spread }}
  - {{- toYaml (merge (deepCopy .) $usual) | nindent 4 }}
  {{- end }}
{{- with $pod.nodeSelector }}
nodeSelector:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with $pod.affinity }}
affinity:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with $pod.priorityClassName }}
priorityClassName: {{ . }}
{{- end }}
{{- with $pod.runtimeClassName }}
runtimeClassName: {{ . }}
{{- end }}
{{- with .Values.image.pullSecrets }}
imagePullSecrets:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end -}}
