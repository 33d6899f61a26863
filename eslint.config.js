import js from "@eslint/js";
import globals from "globals";

export default [
  { ignores: ["skinapp/web/static/onnxruntime/", ".venv*/", "node_modules/"] },
  js.configs.recommended,
  {
    files: ["skinapp/web/static/**/*.js"],
    languageOptions: { globals: { ...globals.browser, ...globals.worker, ImageDecoder: "readonly" } },
    rules: { eqeqeq: "error", "no-var": "error", "prefer-const": "error", "max-lines-per-function": ["error", 50] },
  },
  { files: ["skinapp/web/static/tabs/*.js"], languageOptions: { globals: { element: "readonly", props: "readonly", trigger: "readonly", upload: "readonly", watch: "readonly", LOOKS: "readonly" } } },
  { files: ["skinapp/web/static/tabs/{camera,drop,gradio}.js"], languageOptions: { sourceType: "script" } },
  { files: ["skinapp/web/static/tabs/{iframe,live,many,teach}.js"], languageOptions: { globals: { addressOf: "readonly", asFile: "readonly", dropped: "readonly" } } },
  { files: ["skinapp/web/static/tabs/{lost,photo_input}.js"], rules: { "no-unused-expressions": "off" } },
  { files: ["skinapp/web/static/ondevice/sw.js"], languageOptions: { globals: globals.serviceworker } },
  { files: ["tests/**/*.js"], languageOptions: { globals: globals.node } },
];
