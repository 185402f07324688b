import react from '@vitejs/plugin-react'
import { defineConfig, type UserConfig } from 'vite'

/** A build is a production build whatever NODE_ENV says: tests build too, under `test`. */
const production = {
  define: { 'process.env.NODE_ENV': '"production"' },
  oxc: { jsx: { runtime: 'automatic', development: false } },
} satisfies UserConfig

/** `vite build` makes the page that the simulator serves at `/`, beside its control API. */
export default defineConfig(({ command }) => ({
  root: import.meta.dirname,
  base: './',
  plugins: [react()],
  ...(command === 'build' ? production : {}),
  build: { outDir: 'dist', emptyOutDir: true, target: 'es2023', modulePreload: { polyfill: false } },
}))
