// npm mockttp with one canned reply: node mockttp.js MODULE PORT BODY
const [module_, port, body] = process.argv.slice(2);
const mockttp = require(module_);

(async () => {
  const server = mockttp.getLocal({ https: await mockttp.generateCACertificate() });
  const headers = { "content-type": "application/json", "content-length": String(body.length) };
  for (const scheme of ["https", "http"]) {
    await server.forPost(`${scheme}://api.stripe.com/v1/customers`).thenReply(200, body, headers);
  }
  await server.start(Number(port));
})();
