// check.mjs FILE…: each object of rendered YAML by the schema of its kind, from kubernetes-models: required fields, kinds of values, names
// to choose from, quantities; of Kubernetes, its Gateway API and GKE. Unknown fields are not its subject: KubernetesClient finds them.
// Writes {"object": "Deployment chat-api", "errors": […]} for each, one a line; errors is null where there is no schema.
import { readFileSync } from "node:fs";
import { loadAll, CORE_SCHEMA } from "js-yaml";

const packages = ["kubernetes-models", "@kubernetes-models/gateway-api", "@kubernetes-models/gke"];

async function model({ apiVersion, kind }) {
  for (const name of packages) {
    try {
      const found = (await import(`${name}/${apiVersion}`))[kind];
      if (found) return found;
    } catch (e) {
      if (e.code !== "ERR_MODULE_NOT_FOUND" && e.code !== "ERR_PACKAGE_PATH_NOT_EXPORTED" && e.code !== "ERR_UNSUPPORTED_DIR_IMPORT") throw e;
    }
  }
  return null;
}

for (const file of process.argv.slice(2)) {
  for (const object of loadAll(readFileSync(file, "utf8"), { schema: CORE_SCHEMA }).filter(Boolean)) {
    const Model = await model(object);
    let errors = Model ? [] : null;
    try {
      if (Model) new Model(object).validate();
    } catch (e) {
      errors = [e.message];
    }
    console.log(JSON.stringify({ object: `${object.kind} ${object.metadata?.name}`, errors }));
  }
}
