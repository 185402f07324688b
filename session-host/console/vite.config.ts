import { resolve } from 'node:path'
import react from '@vitejs/plugin-react'
import { defineConfig, type UserConfig } from 'vite'

const host = 'http://localhost:5001'

/** A build is a production build whatever NODE_ENV says: tests build too, under `test`. */
const production = {
  define: { 'process.env.NODE_ENV': '"production"' },
  oxc: { jsx: { runtime: 'automatic', development: false } },
} satisfies UserConfig

/** `vite build` makes what the session-host serves at `/`; `vite` alone serves the console in front of a running session-host. */
export default defineConfig(({ command }) => ({
  root: import.meta.dirname,
  base: './',
  plugins: [react()],
  ...(command === 'build' ? production : {}),
  resolve: { alias: { '#shared': resolve(import.meta.dirname, '../../shared') } },
  server: {
    host: '127.0.0.1',
    proxy: { '/api': host, '/config.json': host, '/socket.io': { target: host, ws: true } },
  },
  build: {
    outDir: 'dist',
    emptyOutDir: true,
    target: 'es2023',
    modulePreload: { polyfill: false },
    rolldownOptions: {
      input: ['index.html', 'examples/live-chat.html'].map((page) => resolve(import.meta.dirname, page)),
    },
  },
}))
