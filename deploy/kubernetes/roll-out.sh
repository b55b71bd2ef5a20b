#!/usr/bin/env bash
# Installs or upgrades the suite in the cluster that kubectl points to: everything but the processes, then the migrations, then the processes, each of
# which is replaced pod by pod. Migrations only add, so the pods of before go on meanwhile.
#   deploy/kubernetes/roll-out.sh FOLDER      an overlay, such as deploy/kubernetes/overlays/production
set -euo pipefail
overlay=${1:?the folder of an overlay}

manifests=$(mktemp)
trap 'rm -f "$manifests"' EXIT
kubectl kustomize "$overlay" >"$manifests"
namespace=$(sed -n '/^kind: Namespace$/,/^---$/s/^  name: //p' "$manifests" | head -1)

# A job cannot be changed, and one of before has done its work.
kubectl delete job --namespace "$namespace" --selector app.kubernetes.io/component=migration --ignore-not-found
kubectl apply --selector 'app.kubernetes.io/component!=process' --filename "$manifests"
kubectl wait --namespace "$namespace" --for=condition=complete --timeout=1h --selector app.kubernetes.io/component=migration job
kubectl apply --filename "$manifests"
for deployment in $(kubectl get deployment --namespace "$namespace" --selector app.kubernetes.io/part-of=crm --output name); do
    kubectl rollout status --namespace "$namespace" --timeout=15m "$deployment"
done
