#!/usr/bin/env bash
# Prints the Secrets that the manifests name, made of the files of deploy/secrets.sh:
#   deploy/kubernetes/secrets.sh FOLDER | kubectl apply --server-side --filename -
# Pods read them when they start: kubectl rollout restart deployment --namespace crm
set -euo pipefail
folder=${1:?the folder that deploy/secrets.sh wrote}

secret() { # name file...
    local name=$1
    shift
    kubectl create secret generic "$name" --namespace crm "$@" --dry-run=client --output yaml
    echo ---
}

for settings in "$folder"/*-migration.toml; do
    service=$(basename "$settings" -migration.toml)
    secret "crm-$service" --from-file="settings.toml=$folder/$service.toml"
    secret "crm-migration-$service" --from-file="settings.toml=$settings"
done
# For the PostgreSQL of the overlay `development`; no other pod reads it.
secret crm-postgres --from-file="postgres_password=$folder/postgres_password" --from-file="databases=$folder/databases"
