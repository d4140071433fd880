{{/* What the pods of the bus, of its API and of its topology have in common. */}}
{{- define "appealbus.labels" -}}
app.kubernetes.io/name: appealbus
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{- define "appealbus.api" -}}
app.kubernetes.io/name: appealbus-api
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{- define "appealbus.security" -}}
runAsNonRoot: true
runAsUser: 10001
runAsGroup: 10001
fsGroup: 10001
seccompProfile: { type: RuntimeDefault }
{{- end }}

{{- define "appealbus.container" -}}
image: "{{ .Values.image.repository }}:{{ .Values.image.tag | default .Chart.AppVersion }}"
imagePullPolicy: {{ .Values.image.pullPolicy }}
securityContext:
  allowPrivilegeEscalation: false
  readOnlyRootFilesystem: true
  capabilities: { drop: [ALL] }
volumeMounts:
  - { name: config, mountPath: /etc/appealbus, readOnly: true }
  - { name: secrets, mountPath: /run/secrets/appealbus, readOnly: true }
  - { name: state, mountPath: /var/lib/appealbus }
  - { name: tmp, mountPath: /tmp }
{{- end }}

{{- define "appealbus.volumes" -}}
- name: config
  configMap: { name: {{ .Release.Name }}-config }
- name: secrets
  secret: { secretName: {{ .Values.secret }}, defaultMode: 0440 }
- name: tmp
  emptyDir: { medium: Memory, sizeLimit: 64Mi }
{{- end }}
