// A certified provider of OpenID Connect, for tests: npm's oidc-provider with one client and whoever logs in.
// node provider.mjs FOLDER REDIRECT_URI prints its port; the login `name:group` is somebody of that group.
import { createRequire } from "node:module";
import { pathToFileURL } from "node:url";
import http from "node:http";
import fs from "node:fs";

const [folder, redirect] = process.argv.slice(2);
const require = createRequire(`${folder}/x.js`);
const { default: Provider } = await import(pathToFileURL(require.resolve("oidc-provider")).href);

const server = http.createServer();
server.listen(0, "127.0.0.1", () => {
  const issuer = `http://127.0.0.1:${server.address().port}`;
  const provider = new Provider(issuer, {
    clients: [{
      client_id: "console",
      client_secret: "a secret of the tests, long enough",
      redirect_uris: [redirect],
      post_logout_redirect_uris: [redirect.replace("/oidc/back", "/enter")],
    }],
    claims: { openid: ["sub", "preferred_username", "groups"], profile: ["name"] },
    conformIdTokenClaims: false,
    pkce: { required: () => true },
    findAccount: (context, id) => ({
      accountId: id,
      claims: () => ({ sub: id, preferred_username: id.split(":")[0], groups: [id.split(":")[1] ?? "none"] }),
    }),
  });
  server.on("request", provider.callback());
  fs.writeSync(1, `${server.address().port}\n`);
});
process.stdin.resume();
process.stdin.on("end", () => process.exit(0));
