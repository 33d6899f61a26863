import js from "@eslint/js";
import globals from "globals";

export default [
  { ignores: ["skinapp/ui/static/onnxruntime/", ".venv*/", "node_modules/"] },
  js.configs.recommended,
  {
    files: ["skinapp/ui/static/**/*.js"],
    languageOptions: { globals: { ...globals.browser, ...globals.worker, ImageDecoder: "readonly" } },
    rules: { eqeqeq: "error", "no-var": "error", "prefer-const": "error", "max-lines-per-function": ["error", 50] },
  },
  { files: ["skinapp/ui/static/*.js"], languageOptions: { globals: { element: "readonly", props: "readonly", trigger: "readonly", upload: "readonly", watch: "readonly", LOOKS: "readonly" } } },
  { files: ["skinapp/ui/static/dropped.js"], languageOptions: { sourceType: "script" } },
  { files: ["skinapp/ui/static/{many,teach}.js"], languageOptions: { globals: { dropped: "readonly" } } },
  { files: ["skinapp/ui/static/ondevice/sw.js"], languageOptions: { globals: globals.serviceworker } },
  { files: ["tests/**/*.js"], languageOptions: { globals: globals.node } },
];
