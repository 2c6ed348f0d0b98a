{{- define "stockflow.fullname" -}}
{{- if .Values.fullnameOverride -}}
{{ .Values.fullnameOverride | trunc 40 | trimSuffix "-" }}
{{- else if contains .Chart.Name .Release.Name -}}
{{ .Release.Name | trunc 40 | trimSuffix "-" }}
{{- else -}}
{{ printf "%s-%s" .Release.Name .Chart.Name | trunc 40 | trimSuffix "-" }}
{{- end -}}
{{- end -}}

{{/* Call with (list $ COMPONENT). */}}
{{- define "stockflow.selector" -}}
{{- $root := index . 0 -}}
app.kubernetes.io/name: {{ $root.Chart.Name }}
app.kubernetes.io/instance: {{ $root.Release.Name }}
app.kubernetes.io/component: {{ index . 1 }}
{{- end -}}

{{/* Call with (list $ COMPONENT). */}}
{{- define "stockflow.labels" -}}
{{- $root := index . 0 -}}
{{ include "stockflow.selector" . }}
app.kubernetes.io/version: {{ $root.Chart.AppVersion | quote }}
app.kubernetes.io/part-of: stockflow
app.kubernetes.io/managed-by: {{ $root.Release.Service }}
helm.sh/chart: {{ printf "%s-%s" $root.Chart.Name $root.Chart.Version | replace "+" "_" }}
{{- end -}}

{{- define "stockflow.serviceAccount" -}}
{{- if .Values.serviceAccount.create -}}
{{ default (include "stockflow.fullname" .) .Values.serviceAccount.name }}
{{- else -}}
{{ default "default" .Values.serviceAccount.name }}
{{- end -}}
{{- end -}}

{{- define "stockflow.image" -}}
{{- if .digest -}}
{{ .repository }}@{{ .digest }}
{{- else -}}
{{ .repository }}:{{ .tag }}
{{- end -}}
{{- end -}}

{{- define "stockflow.processorImage" -}}
{{ include "stockflow.image" (dict "repository" .Values.image.repository "digest" .Values.image.digest "tag" (default .Chart.AppVersion .Values.image.tag)) }}
{{- end -}}

{{/* Which setting names the file of each entry of secretFiles. */}}
{{- define "stockflow.fileSettings" -}}
kafkaProperties: [kafka, propertiesFile]
kafkaCa: [kafka, properties, ssl.ca.location]
kafkaCertificate: [kafka, properties, ssl.certificate.location]
kafkaKey: [kafka, properties, ssl.key.location]
registryUserInfo: [registry, userInfoFile]
registryToken: [registry, bearerTokenFile]
registryCa: [registry, caFile]
redisPassword: [positions, passwordFile]
redisCa: [positions, caFile]
clickhousePassword: [clickhouse, passwordFile]
clickhouseCa: [clickhouse, caFile]
httpCertificate: [http, certificateFile]
httpKey: [http, certificateKeyFile]
httpKeyPassword: [http, certificatePasswordFile]
httpApiKeys: [http, apiKeyFile]
tracesHeaders: [traces, headersFile]
qualityRules: [quality, rulesFile]
{{- end -}}

{{- define "stockflow.scheme" -}}
{{ hasKey .Values.secretFiles "httpCertificate" | ternary "https" "http" }}
{{- end -}}

{{/* appsettings.json. Call with (list $ SECTIONS), an empty list for all of them. */}}
{{- define "stockflow.settings" -}}
{{- $root := index . 0 -}}
{{- $sections := index . 1 -}}
{{- $settings := deepCopy $root.Values.settings -}}
{{- $_ := set $settings "http" (merge (dict "urls" (printf "%s://0.0.0.0:8080" (include "stockflow.scheme" $root))) (default dict $settings.http)) -}}
{{- range $name, $path := include "stockflow.fileSettings" $root | fromYaml -}}
{{- if hasKey $root.Values.secretFiles $name -}}
{{- $section := default dict (get $settings (first $path)) -}}
{{- $_ := set $settings (first $path) $section -}}
{{- if eq (len $path) 3 -}}
{{- $_ := set $section (index $path 1) (merge (dict (last $path) (printf "/etc/stockflow/secrets/%s" $name)) (default dict (get $section (index $path 1)))) -}}
{{- else -}}
{{- $_ := set $section (last $path) (printf "/etc/stockflow/secrets/%s" $name) -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- if $sections -}}
{{- $some := dict -}}
{{- range $sections -}}
{{- $_ := set $some . (default dict (get $settings .)) -}}
{{- end -}}
{{- $settings = $some -}}
{{- end -}}
{{ mustToPrettyJson $settings }}
{{- end -}}

{{/* The volumes of the settings and of the secrets of some sections. Call with (list $ CONFIGMAP SECTIONS). */}}
{{- define "stockflow.volumes" -}}
{{- $root := index . 0 -}}
{{- $sections := index . 2 -}}
{{- $sources := list -}}
{{- range $name, $path := include "stockflow.fileSettings" $root | fromYaml -}}
{{- if and (hasKey $root.Values.secretFiles $name) (or (not $sections) (has (first $path) $sections)) -}}
{{- $file := get $root.Values.secretFiles $name -}}
{{- $kind := hasKey $file "configMap" | ternary "configMap" "secret" -}}
{{- $sources = append $sources (dict $kind (dict "name" (get $file $kind) "items" (list (dict "key" $file.key "path" $name)))) -}}
{{- end -}}
{{- end -}}
- name: settings
  configMap:
    name: {{ index . 1 }}
- name: tmp
  emptyDir:
    sizeLimit: 64Mi
{{- if $sources }}
- name: secrets
  projected:
    # 0440
    defaultMode: 288
    sources:
      {{- toYaml $sources | nindent 6 }}
{{- end }}
{{- end -}}

{{- define "stockflow.mounts" -}}
- name: settings
  mountPath: /etc/stockflow/settings
  readOnly: true
- name: tmp
  mountPath: /tmp
{{- if . }}
- name: secrets
  mountPath: /etc/stockflow/secrets
  readOnly: true
{{- end }}
{{- end -}}

{{- define "stockflow.podSecurity" -}}
runAsNonRoot: true
runAsUser: 1654
runAsGroup: 1654
fsGroup: 1654
seccompProfile:
  type: RuntimeDefault
{{- end -}}

{{- define "stockflow.containerSecurity" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
capabilities:
  drop: [ALL]
{{- end -}}

{{/*
What a stopping pod needs at most: the lanes' drain, 20 seconds in which it takes leave of the servers (StopTimeout in
RunCommand.cs), and 15 seconds for requests in flight and the start of it all.
*/}}
{{- define "stockflow.leastGrace" -}}
{{ add (int (default 20 .Values.settings.kafka.drainSeconds)) 35 }}
{{- end -}}

{{- define "stockflow.grace" -}}
{{- $least := int (include "stockflow.leastGrace" .) -}}
{{- $grace := .Values.terminationGracePeriodSeconds -}}
{{- if kindIs "invalid" $grace -}}
{{ $least }}
{{- else if lt (int $grace) $least -}}
{{ fail (printf "terminationGracePeriodSeconds is %d; with settings.kafka.drainSeconds a pod needs up to %d seconds" (int $grace) $least) }}
{{- else -}}
{{ int $grace }}
{{- end -}}
{{- end -}}

{{/* What scales: none, hpa or keda; keda only where the cluster has it. */}}
{{- define "stockflow.scaler" -}}
{{- with .Values.autoscaling -}}
{{- if gt (int .minReplicas) (int .maxReplicas) -}}
{{ fail (printf "autoscaling.minReplicas (%d) is above autoscaling.maxReplicas (%d)" (int .minReplicas) (int .maxReplicas)) }}
{{- end -}}
{{- if and (eq .kind "keda") (not ($.Capabilities.APIVersions.Has "keda.sh/v1alpha1")) -}}
none
{{- else -}}
{{ .kind }}
{{- end -}}
{{- end -}}
{{- end -}}

{{/* The ports of addresses such as a:9092,b or http://a:8081, as a JSON list. Call with (list ADDRESSES DEFAULTPORT PORTS). */}}
{{- define "stockflow.ports" -}}
{{- $ports := index . 2 -}}
{{- if not $ports -}}
{{- $default := index . 1 -}}
{{- range splitList "," (index . 0) -}}
{{- $address := trim . -}}
{{- if and $address (not (contains "=" $address)) -}}
{{- $port := regexFind ":[0-9]+$" (regexReplaceAll "^[a-z]+://([^/]*).*$" $address "${1}") | trimPrefix ":" -}}
{{- $standard := hasPrefix "https://" $address | ternary 443 (hasPrefix "http://" $address | ternary 80 $default) -}}
{{- $ports = append $ports (int (default $standard $port)) -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{ toJson (uniq $ports) }}
{{- end -}}

{{/* The egress rules of (list (dict "to" PEERS "ports" PORTS "protocols" LIST) ...); one without peers or ports is none. */}}
{{- define "stockflow.egress" -}}
{{- $rules := list -}}
{{- range $rule := . -}}
{{- if and .to .ports -}}
{{- $ports := list -}}
{{- range $port := .ports -}}
{{- range $protocol := (default (list "TCP") $rule.protocols) -}}
{{- $ports = append $ports (dict "port" $port "protocol" $protocol) -}}
{{- end -}}
{{- end -}}
{{- $rules = append $rules (dict "to" .to "ports" $ports) -}}
{{- end -}}
{{- end -}}
{{ toYaml $rules }}
{{- end -}}
